kcat -C -q -b localhost:9092 -X isolation.level=read_committed -t onepassword.deadletters -o beginning -e -J
