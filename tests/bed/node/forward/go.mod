module headroom.dev/testbed/forward

go 1.26.0
