# 2026-11-24T09:00:00Z in milliseconds
kcat -C -q -b localhost:9092 -X isolation.level=read_committed -t onepassword.itemusages -o s@1795510800000 -e \
    -f '%T %k\n'
