package dev

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/clavex/clavex/backend/internal/mail"
)

func TestCaughtMailIsShown(t *testing.T) {
	t.Parallel()
	box := mail.NewMailbox(time.Now)
	engine := gin.New()
	Mail{Mailbox: box, PublicURL: "http://localhost:8080"}.Mount(engine)
	get := func(address string, host ...string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, address, nil)
		request.Host = strings.Join(append(host, "localhost:8080")[:1], "")
		answer := httptest.NewRecorder()
		engine.ServeHTTP(answer, request)
		return answer
	}
	if empty := get("/dev/mail"); empty.Code != http.StatusOK || !strings.Contains(empty.Body.String(), "Nothing yet.") {
		t.Fatalf("%d %s", empty.Code, empty.Body)
	}
	hostile := mail.Message{To: "ada@demo.test", FromName: "Demo", Subject: "<script>alert(1)</script>", Text: "Open http://localhost:8080/demo/x?a=1&b=2 now", HTML: "<html><head></head><body><script>alert(2)</script></body></html>"}
	for _, message := range []mail.Message{hostile, {To: "grace@demo.test", Subject: "Second"}} {
		if err := box.Send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	list, shown := get("/dev/mail"), get("/dev/mail/1")
	if !strings.Contains(list.Body.String(), `href="/dev/mail/2"`) || !strings.Contains(shown.Body.String(), `<a href="http://localhost:8080/demo/x?a=1&amp;b=2">`) {
		t.Errorf("%s\n%s", list.Body, shown.Body)
	}
	for _, page := range []*httptest.ResponseRecorder{list, shown} {
		if strings.Contains(page.Body.String(), "<script") || !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%v\n%s", page.Header(), page.Body)
		}
	}
	if html := get("/dev/mail/1/html"); html.Code != http.StatusOK || !strings.HasPrefix(html.Header().Get("Content-Security-Policy"), "sandbox ") || strings.Contains(html.Header().Get("Content-Security-Policy"), "allow-scripts") {
		t.Errorf("the mail's own HTML runs: %v", html.Header())
	}
	var listed []received
	if err := json.Unmarshal(get("/dev/mail.json?to=ADA@demo.test").Body.Bytes(), &listed); err != nil || len(listed) != 1 || listed[0].Text != hostile.Text || listed[0].HTML != hostile.HTML {
		t.Errorf("%v %+v", err, listed)
	}
	for _, address := range []string{"/dev/mail/7", "/dev/mail/x", "/dev/mail/0/html"} {
		if missing := get(address); missing.Code != http.StatusNotFound {
			t.Errorf("%s: %d", address, missing.Code)
		}
	}
	// Another name for this machine (DNS rebinding) reads nothing.
	for _, address := range []string{"/dev/mail", "/dev/mail.json", "/dev/mail/1", "/dev/mail/1/html"} {
		if elsewhere := get(address, "evil.example.test:8080"); elsewhere.Code != http.StatusMisdirectedRequest || strings.Contains(elsewhere.Body.String(), "alert") {
			t.Errorf("%s: %d %s", address, elsewhere.Code, elsewhere.Body)
		}
	}
}
