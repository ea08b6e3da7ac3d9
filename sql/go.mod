module github.com/clavex/clavex/sql

go 1.26.0
