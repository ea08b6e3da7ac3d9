package text

import "strings"

// known is a word in a user agent, and what people call it.
type known struct{ mark, name string }

// Browsers and systems in the order in which they are looked for: most claim to be others, too.
func browsers() []known {
	return []known{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"Safari/", "Safari"}}
}

func systems() []known {
	return []known{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}}
}

func find(userAgent string, among []known) string {
	for _, one := range among {
		if strings.Contains(userAgent, one.mark) {
			return one.name
		}
	}
	return ""
}

// Device says in words what a user agent is. It is what the browser says of itself: a help to recognise it, no proof.
func (p *Printer) Device(userAgent string) string {
	browser, system := find(userAgent, browsers()), find(userAgent, systems())
	switch {
	case browser != "" && system != "":
		return p.T("session_device", "Browser", browser, "System", system)
	case browser+system != "":
		return browser + system
	}
	return p.T("session_device_unknown")
}
