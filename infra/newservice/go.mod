// What lies here is copied, not built: a module of its own keeps it out of go test ./...
module github.com/banyan-migration/banyan/infra/newservice

go 1.26.0
