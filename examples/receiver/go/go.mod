module headroom.dev/examples/receiver

go 1.24
