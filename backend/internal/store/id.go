package store

import "github.com/google/uuid"

// NewID returns a UUIDv7 (RFC 9562 §5.7): unique across replicas and sorted by the time it was made,
// which list cursors and audit partitions rely on.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
