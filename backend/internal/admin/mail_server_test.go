package admin_test

import (
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/admin"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/mailtest"
	"github.com/clavex/clavex/backend/internal/store"
)

func TestMailServer(t *testing.T) {
	t.Parallel()
	config, roots := mailtest.Authority(t)
	relay := (&mailtest.Relay{TLS: config, Auth: "PLAIN"}).Start(t)
	s := newSite(t, func(options *admin.Options) {
		options.InstallationSendsMail = true
		options.MailServers = mailserver.New(options.Store, store.NewInvalidations(), options.Ring, options.Audit, options.Fetch.Dial, roots, options.Now, 10)
	})
	grace := s.administrator(s.acme)
	const place = "/orgs/acme/mail-server"
	none := grace.get(place).must(200)
	if none.text("sends_by") != "installation" || none.at("server") != nil || none.etag() != `"0"` {
		t.Fatalf("%s", none.body)
	}
	grace.do("POST", place+"/test", nil).refuses(409, "mail_server_not_found")
	grace.do("DELETE", place, nil, "If-Match", none.etag()).refuses(404, "mail_server_not_found")
	wanted := fields{"host": "localhost", "port": relay.Port(), "username": "acme", "password": "right", "from": "Acme <post@acme.test>"}
	grace.do("PUT", place, wanted).refuses(428, "if_match_required")
	grace.do("PUT", place, wanted, "If-Match", `"1"`).refuses(412, "version_mismatch")
	set := grace.do("PUT", place, wanted, "If-Match", none.etag()).must(200)
	if set.text("sends_by") != "organization" || set.text("server.host") != "localhost" || set.text("server.tls") != "starttls" || set.at("server.password_set") != true ||
		set.etag() != `"1"` || strings.Contains(string(set.body), "right") {
		t.Fatalf("%s", set.body)
	}
	grace.do("PUT", place, wanted, "If-Match", none.etag()).refuses(412, "version_mismatch")
	sent := grace.do("POST", place+"/test", nil).must(200)
	if sent.text("outcome") != "sent" || sent.text("to") != grace.user.Email || len(relay.Mails()) != 1 || !strings.Contains(relay.Mails()[0], "To: <"+grace.user.Email+">") {
		t.Errorf("%s; %v", sent.body, relay.Mails())
	}
	// What the server says of a wrong password reaches the administrator as a word and a number.
	wanted["password"] = "wrong"
	wrong := grace.do("PUT", place, wanted, "If-Match", set.etag()).must(200)
	failed := grace.do("POST", place+"/test", nil).must(200)
	if failed.text("outcome") != "failed" || failed.text("error") != "authentication" || failed.at("reply") != float64(535) || failed.text("message") == "" {
		t.Errorf("%s", failed.body)
	}
	delete(wanted, "password")
	wanted["host"] = "smtp.eve.test"
	grace.do("PUT", place, wanted, "If-Match", wrong.etag()).refuses(422, "mail_server_malformed")
	wanted["tls"] = "none"
	grace.do("PUT", place, wanted, "If-Match", wrong.etag()).refuses(422, "validation_failed")
	rival := s.administrator(s.rival)
	rival.get(place).refuses(404, "organization_not_found")
	rival.do("PUT", place, wanted, "If-Match", wrong.etag()).refuses(404, "organization_not_found")
	rival.do("POST", place+"/test", nil).refuses(404, "organization_not_found")
	rival.do("DELETE", place, nil, "If-Match", wrong.etag()).refuses(404, "organization_not_found")
	grace.do("DELETE", place, nil, "If-Match", set.etag()).refuses(412, "version_mismatch")
	grace.do("DELETE", place, nil, "If-Match", wrong.etag()).must(204)
	if again := grace.get(place).must(200); again.text("sends_by") != "installation" || again.etag() != `"0"` {
		t.Errorf("%s", again.body)
	}
}

func TestNobodySendsMail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if got := s.administrator(s.acme).get("/orgs/acme/mail-server").must(200); got.text("sends_by") != "nobody" || got.at("server") != nil {
		t.Errorf("%s", got.body)
	}
}
