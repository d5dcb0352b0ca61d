module platform.internal/alert-keeper

go 1.26.0
