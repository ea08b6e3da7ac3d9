package main

import (
	"strings"
	"testing"
)

func TestRequiringActions(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	i.succeed(t, "user", "create", "--org", "acme", "--username", "eva")
	if got := i.run(t, "user", "require", "eva", "--org", "acme", "--action", "verify_email"); got.code != exitFailed || !strings.Contains(got.stderr, "required_action_impossible") {
		t.Errorf("without an address: %+v", got)
	}
	i.succeed(t, "user", "create", "--org", "acme", "--username", "fay", "--email", "fay@acme.test")
	if got := i.run(t, "user", "require", "fay", "--org", "acme", "--action", "verify_email"); got.code != exitFailed || !strings.Contains(got.stderr, "required_action_impossible") {
		t.Errorf("without mail: %+v", got)
	}
	i.environ = append(i.environ, startRelay(t).settings()...)
	i.succeed(t, "user", "require", "fay", "--org", "acme", "--action", "verify_email", "--action", "enrol_passkey")
	conn := connect(t, i)
	if set := count(t, conn, "SELECT count(*) FROM users WHERE username = 'fay' AND required_actions = '{verify_email,enrol_passkey}'"); set != 1 {
		t.Error("they are not required")
	}
	if got := i.run(t, "user", "require", "fay", "--org", "acme", "--action", "dance"); got.code != exitFailed {
		t.Errorf("%+v", got)
	}
	i.succeed(t, "user", "require", "fay", "--org", "acme", "--none")
	if left := count(t, conn, "SELECT count(*) FROM users WHERE username = 'fay' AND required_actions <> '{}'"); left != 0 {
		t.Error("they are still required")
	}
}
