package server

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"sync"
)

// What browsers say of themselves.
const (
	chromeOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
	chromeUpdated   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36"
	firefoxOnLinux  = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
)

// cookies remembers which cookies a browser was given, and for how long, and says what browser it is.
type cookies struct {
	http.RoundTripper
	mutex  *sync.Mutex
	given  map[string]*http.Cookie
	header http.Header
}

func (c cookies) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	maps.Copy(r.Header, c.header)
	response, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		c.mutex.Lock()
		for _, cookie := range response.Cookies() {
			c.given[cookie.Name] = cookie
		}
		c.mutex.Unlock()
	}
	return response, err
}

// named is a browser that says what it is: names and values of headers.
func (s *site) named(namesAndValues ...string) *browser {
	b := s.browser()
	b.http.Transport = cookies{b.http.Transport, &sync.Mutex{}, map[string]*http.Cookie{}, headers(namesAndValues)}
	return b
}

func headers(namesAndValues []string) http.Header {
	header := http.Header{}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		header.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return header
}

// with is another browser with the cookies of this one; only those that outlive its being closed, if it is to be.
func (b *browser) with(closed bool, namesAndValues ...string) *browser {
	b.t.Helper()
	from := b.http.Transport.(cookies)
	other := b.site.named(namesAndValues...)
	if len(namesAndValues) == 0 {
		other.http.Transport.(cookies).header.Set("User-Agent", from.header.Get("User-Agent"))
	}
	jar, _ := cookiejar.New(nil)
	address, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(from.given)) {
		if cookie := from.given[name]; cookie.MaxAge > 0 || cookie.MaxAge == 0 && !closed {
			jar.SetCookies(address, []*http.Cookie{cookie})
			other.http.Transport.(cookies).given[name] = cookie
		}
	}
	other.http.Jar = jar
	return other
}

// closed is the browser after it was closed and opened again.
func (b *browser) closed() *browser { return b.with(true) }
