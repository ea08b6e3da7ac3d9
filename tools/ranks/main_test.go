package main

import "testing"

func TestJudge(t *testing.T) {
	p, err := readPlan(table)
	if err != nil {
		t.Fatal(err)
	}
	const gin = "github.com/gin-gonic/gin"
	for name, c := range map[string]struct {
		importer, file, imported string
		allowed                  bool
	}{
		"down":                          {"signin", "signin.go", module + "internal/login", true},
		"up":                            {"login", "login.go", module + "internal/signin", false},
		"the same rank":                 {"user", "user.go", module + "internal/client", false},
		"a leaf imports an adapter":     {"fault", "fault.go", module + "internal/store", false},
		"a sibling with a reason":       {"oidc", "oidc.go", module + "internal/oauth/token", true},
		"the other way":                 {"oauth/token", "token.go", module + "internal/oidc", false},
		"a test may":                    {"user", "user_test.go", module + "internal/domaintest", true},
		"product imports a test helper": {"user", "user.go", module + "internal/dbtest", false},
		"gin in delivery":               {"signin", "signin.go", gin, true},
		"gin in http.go":                {"oauth", "http.go", gin, true},
		"gin elsewhere":                 {"oauth", "error.go", gin, false},
		"queries in a domain package":   {"user", "user.go", module + "internal/store/dbq", true},
		"queries in delivery":           {"admin", "users.go", module + "internal/store/dbq", false},
		"a package without rank":        {"server", "server.go", module + "internal/util", false},
		"a library":                     {"fault", "fault.go", "errors", true},
	} {
		if problem := p.judge(c.importer, c.file, c.imported); (problem == "") != c.allowed {
			t.Errorf("%s: %q", name, problem)
		}
	}
}
