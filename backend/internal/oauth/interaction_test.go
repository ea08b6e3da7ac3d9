package oauth

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/clavex/clavex/backend/internal/reqctx"
)

// FAPI 1.0 Part 1 §6.2.1, item 11.
func TestInteractionsAreNamed(t *testing.T) {
	t.Parallel()
	const own = "0193588f4c007a108b5e2f6d1c9a0201"
	for name, test := range map[string]struct{ sent, repeated, named string }{
		"the client's name":             {"c770aef3-6784-41f7-8e0e-ff5f97bddb3a", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"},
		"in capitals":                   {"C770AEF3-6784-41F7-8E0E-FF5F97BDDB3A", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"},
		"none: a name of ours":          {"", "", "0193588f-4c00-4a10-8b5e-2f6d1c9a0201"},
		"no UUID: it is not repeated":   {"x\tuser=admin", "", "0193588f-4c00-4a10-8b5e-2f6d1c9a0201"},
		"too long: it is not repeated ": {"c770aef3-6784-41f7-8e0e-ff5f97bddb3a-and-more", "", "0193588f-4c00-4a10-8b5e-2f6d1c9a0201"},
	} {
		answer, r := http.Header{}, httptest.NewRequest(http.MethodGet, "/acme/userinfo", nil)
		r = r.WithContext(reqctx.With(r.Context(), reqctx.Request{ID: own}))
		if test.sent != "" {
			r.Header.Set(InteractionHeader, test.sent)
		}
		AnswerInteraction(answer, r)
		if got := answer.Get(InteractionHeader); got != test.repeated {
			t.Errorf("%s: repeated %q", name, got)
		}
		NameInteraction(answer, r)
		if got := answer.Get(InteractionHeader); got != test.named {
			t.Errorf("%s: named %q", name, got)
		}
	}
}
