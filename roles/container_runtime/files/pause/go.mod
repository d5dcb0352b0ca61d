module platform.internal/pause

go 1.26
