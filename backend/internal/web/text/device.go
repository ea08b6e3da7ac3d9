package text

import "github.com/clavex/clavex/backend/internal/useragent"

// Device says in words what a user agent is. It is what the browser says of itself: a help to recognise it, no proof.
func (p *Printer) Device(userAgent string) string {
	browser, system := useragent.Names(userAgent)
	switch {
	case browser != "" && system != "":
		return p.T("session_device", "Browser", browser, "System", system)
	case browser+system != "":
		return browser + system
	}
	return p.T("session_device_unknown")
}
