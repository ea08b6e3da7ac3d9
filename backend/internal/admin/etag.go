package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/role"
)

var errVersion = fault.New(fault.PreconditionFailed, "version_mismatch", "Somebody changed this meanwhile. Load it again and repeat your change.")

// etagOf is the entity tag of a version (RFC 9110 §8.8.3).
func etagOf(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// versionOf reads If-Match (RFC 9110 §13.1.1): the one tag that was read. A list of tags cannot match, and
// "*" would be the lost update that the header is there to prevent. A weak tag counts as the strong one:
// our tags name versions of a row, and proxies that compress answers weaken them.
func versionOf(ifMatch *string) (int64, error) {
	tag, err := tagOf(ifMatch)
	if err != nil {
		return 0, err
	}
	version, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || version < 1 || etagOf(version) != `"`+tag+`"` {
		return 0, errVersion
	}
	return version, nil
}

// versionOrNone reads If-Match for something that has the version 0 while it is not there.
func versionOrNone(ifMatch *string) (int64, error) {
	if tag, err := tagOf(ifMatch); err == nil && tag == "0" {
		return 0, nil
	}
	return versionOf(ifMatch)
}

func tagOf(ifMatch *string) (string, error) {
	if ifMatch == nil || strings.TrimSpace(*ifMatch) == "" {
		return "", errIfMatch
	}
	tag := strings.TrimPrefix(strings.TrimSpace(*ifMatch), "W/")
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return "", errVersion
	}
	return tag[1 : len(tag)-1], nil
}

// rolesETag is the entity tag of somebody's roles, which have no version of their own.
func rolesETag(roles []role.Role) string {
	digest := sha256.New()
	for _, r := range roles { // sorted by the database
		digest.Write([]byte(r + "\n"))
	}
	return `"` + hex.EncodeToString(digest.Sum(nil)[:8]) + `"`
}
