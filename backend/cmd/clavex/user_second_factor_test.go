package main

import (
	"strings"
	"testing"
)

func TestResetSecondFactor(t *testing.T) {
	t.Parallel()
	i := install(t)
	conn := connect(t, i)
	i.succeed(t, "org", "create", "acme")
	var eva personJSON
	i.succeed(t, "user", "create", "--org", "acme", "--username", "eva", "--json").decode(t, &eva)
	if got := i.run(t, "user", "reset-second-factor", "eva", "--org", "acme", "--yes"); got.code != exitFailed || !strings.Contains(got.stderr, "second_factor_missing") {
		t.Errorf("nothing to remove: %+v", got)
	}
	_, err := conn.Exec(t.Context(), `INSERT INTO totp_credentials (org_id, id, user_id, sealed_by, sealed, last_used_step, confirmed_at, last_used_at)
		SELECT org_id, id, id, 'none', '\x00', 0, now(), now() FROM users WHERE id = $1`, eva.ID)
	if err != nil {
		t.Fatal(err)
	}
	sessionOf(t, conn, eva.ID)
	if got := i.run(t, "user", "reset-second-factor", "eva", "--org", "acme"); got.code == exitDone {
		t.Errorf("nobody was asked: %+v", got)
	}
	i.succeed(t, "user", "reset-second-factor", "eva", "--org", "acme", "--yes")
	if left := count(t, conn, "SELECT count(*) FROM totp_credentials") + count(t, conn, "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", eva.ID); left != 0 {
		t.Errorf("%d factors and sessions are left", left)
	}
}
