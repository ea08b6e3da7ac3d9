// Package sql holds the database schema: forward-only migrations, embedded so that the binary
// carries them, and the queries from which sqlc generates backend/internal/store/dbq.
//
// It is a module of its own because go:embed cannot reach outside a module.
package sql

import "embed"

// Migrations are the goose migrations in the folder migrations, applied in the order of their numbers.
//
//go:embed migrations/*.sql
var Migrations embed.FS
