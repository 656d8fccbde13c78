module processes

go 1.19
