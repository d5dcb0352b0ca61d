module platform.internal/volume-keeper

go 1.26.0
