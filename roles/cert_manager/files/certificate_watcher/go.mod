module platform.internal/certificate-watcher

go 1.26.0
