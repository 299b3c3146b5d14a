kcat -C -q -b localhost:9092 -X isolation.level=read_committed -t onepassword.itemusages -o beginning -e \
    -f '%p %o %T %k %h\n'
