module github.com/clavex/clavex/tools/ranks

go 1.26.0
