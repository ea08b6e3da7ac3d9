package config

import (
	"math"

	"github.com/clavex/clavex/backend/internal/passwordhash"
)

// HashParameters are what a new password hash costs. Validate judges them.
func (c *Config) HashParameters() passwordhash.Parameters {
	return passwordhash.Parameters{Memory: uint32(min(c.HashMemory, math.MaxInt32)), Passes: uint32(min(c.HashPasses, math.MaxInt32)), Parallelism: uint8(min(c.HashParallelism, math.MaxUint8))} // bounded
}
