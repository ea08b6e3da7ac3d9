package main

import (
	"strings"
	"testing"
)

func TestInvitingByTheCommandLine(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.succeed(t, "org", "create", "acme")
	if got := i.run(t, "user", "invite", "--org", "acme", "--email", "eva@acme.test"); got.code != exitFailed || !strings.Contains(got.stderr, "mail_not_configured") {
		t.Errorf("without mail: %+v", got)
	}
	i.environ = append(i.environ, startRelay(t).settings()...)
	if got := i.run(t, "user", "invite", "--org", "system", "--email", "eva@acme.test"); got.code != exitFailed || !strings.Contains(got.stderr, "invitations_off") {
		t.Errorf("at system: %+v", got)
	}
	if got := i.run(t, "user", "invite", "--org", "acme"); got.code != exitUsage {
		t.Errorf("nobody is named: %+v", got)
	}
	i.succeed(t, "org", "update", "acme", "--invitation-lifetime-days", "3")
	if got := i.run(t, "org", "update", "acme", "--invitation-lifetime-days", "31"); got.code != exitFailed {
		t.Errorf("31 days: %+v", got)
	}
	var invited struct {
		ID         string
		Invitation struct{ State, Email string }
	}
	i.succeed(t, "user", "invite", "--org", "acme", "--email", "eva@acme.test", "--name", "Eva Rossi", "--locale", "it", "--json").decode(t, &invited)
	if invited.Invitation.State != "invited" || invited.Invitation.Email != "eva@acme.test" {
		t.Errorf("%+v", invited)
	}
	conn := connect(t, i)
	if days := count(t, conn, "SELECT extract(day FROM expires_at - sent_at)::integer FROM invitations"); days != 3 {
		t.Errorf("it works for %d days", days)
	}
	if got := i.run(t, "user", "invite", "--org", "acme", "--email", "EVA@acme.test"); got.code != exitFailed || !strings.Contains(got.stderr, "_taken") {
		t.Errorf("twice: %+v", got)
	}
	i.succeed(t, "user", "invite", "eva@acme.test", "--org", "acme")
	if mails := count(t, conn, "SELECT count(*) FROM mails WHERE kind = 'invitation'"); mails != 2 {
		t.Errorf("%d mails", mails)
	}
	i.succeed(t, "user", "revoke-invitation", "eva@acme.test", "--org", "acme")
	if got := i.run(t, "user", "revoke-invitation", "eva@acme.test", "--org", "acme"); got.code != exitFailed || !strings.Contains(got.stderr, "invitation_not_found") {
		t.Errorf("revoked twice: %+v", got)
	}
}
