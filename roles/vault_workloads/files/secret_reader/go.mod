module platform.internal/secret-reader

go 1.26.0
