// Package useragent says of which kind a browser is, and on which kind of system, by what it says of itself: its User-Agent
// (RFC 9110 §10.1.5) and, where it sends them, the low-entropy hints Sec-CH-UA and Sec-CH-UA-Platform (User-Agent Client
// Hints §3). It is a help to recognise a browser and to notice that a cookie moved to another one, and no proof.
//
// The list of marks is our own and short, so that no newer list of somebody else renames what was written down before.
package useragent

import (
	"slices"
	"strings"
)

// known is a mark in a user agent, what people call it, and the kind that it is of.
type known struct{ mark, name, kind string }

// The kinds of systems. Those among which one device changes when its person asks for the pages of a computer are one: a
// tablet says that it is a Mac, an Android phone that it is a PC with Linux.
const (
	kindApple   = "apple"
	kindLinux   = "linux"
	kindWindows = "windows"
)

// kindWebKit is the kind of Safari, and of every browser on iPhones and iPads: some say that they are Safari when the pages of a
// computer are asked for.
const kindWebKit = "safari"

// kindProgram is whatever is no browser, or does not say so.
const kindProgram = "program"

// Browsers and systems in the order in which they are looked for: most claim to be others, too.
func browsers() []known {
	return []known{{"EdgiOS/", "Edge", kindWebKit}, {"Edg", "Edge", "edge"}, {"OPR/", "Opera", "opera"}, {"OPT/", "Opera", kindWebKit}, {"SamsungBrowser/", "Samsung Internet", "samsung"},
		{"Vivaldi/", "Vivaldi", "vivaldi"}, {"FxiOS/", "Firefox", kindWebKit}, {"Firefox/", "Firefox", "firefox"}, {"CriOS/", "Chrome", kindWebKit},
		{"Chrome/", "Chrome", "chrome"}, {"Chromium/", "Chromium", "chrome"}, {"Safari/", "Safari", kindWebKit}}
}

func systems() []known {
	return []known{{"iPhone", "iPhone", kindApple}, {"iPad", "iPad", kindApple}, {"Android", "Android", kindLinux}, {"CrOS", "ChromeOS", kindLinux}, {"Windows", "Windows", kindWindows},
		{"Macintosh", "macOS", kindApple}, {"Linux", "Linux", kindLinux}}
}

// brands are the brands of Sec-CH-UA, and platforms the values of Sec-CH-UA-Platform, that say something; the made-up brand that
// browsers add, and Chromium, which all of them are, do not.
func brands() []known {
	return []known{{"Microsoft Edge", "", "edge"}, {"Opera", "", "opera"}, {"Opera GX", "", "opera"}, {"Brave", "", "brave"}, {"Vivaldi", "", "vivaldi"}, {"Samsung Internet", "", "samsung"},
		{"Google Chrome", "", "chrome"}}
}

func platforms() []known {
	return []known{{"Android", "", kindLinux}, {"Chrome OS", "", kindLinux}, {"Chromium OS", "", kindLinux}, {"Linux", "", kindLinux}, {"Windows", "", kindWindows}, {"macOS", "", kindApple}, {"iOS", "", kindApple}}
}

func find(among []known, fits func(mark string) bool) known {
	if i := slices.IndexFunc(among, func(one known) bool { return fits(one.mark) }); i >= 0 {
		return among[i]
	}
	return known{}
}

// Names are what people call the browser and its system; "" what is not known.
func Names(userAgent string) (browser, system string) {
	within := func(mark string) bool { return strings.Contains(userAgent, mark) }
	return find(browsers(), within).name, find(systems(), within).name
}

// Agent is of which kind a browser and its system are, as it says in its User-Agent and in its hints. "" is what it does not say,
// or what is not known.
type Agent struct{ Browser, System, HintedBrowser, HintedSystem string }

// Of reads what a request says: User-Agent, Sec-CH-UA and Sec-CH-UA-Platform.
func Of(userAgent, hintedBrands, hintedPlatform string) Agent {
	within := func(mark string) bool { return strings.Contains(userAgent, mark) }
	browser := find(browsers(), within).kind
	if browser == "" && !strings.HasPrefix(userAgent, "Mozilla/") { // as every browser begins
		browser = kindProgram
	}
	quoted := func(mark string) bool { return strings.Contains(hintedBrands, `"`+mark+`"`) }
	return Agent{Browser: browser, System: find(systems(), within).kind, HintedBrowser: find(brands(), quoted).kind,
		HintedSystem: find(platforms(), func(mark string) bool { return hintedPlatform == `"`+mark+`"` }).kind}
}

// Differs reports whether the two are certainly not of one kind. What either does not say is not judged, and hints are held
// against hints: a proxy may take them away.
func (a Agent) Differs(from Agent) bool {
	differ := func(one, other string) bool { return one != "" && other != "" && one != other }
	return differ(a.Browser, from.Browser) || differ(a.System, from.System) || differ(a.HintedBrowser, from.HintedBrowser) || differ(a.HintedSystem, from.HintedSystem)
}

const separator = "/"

// String is how an agent is written down; "" when nothing is known of it.
func (a Agent) String() string {
	if a == (Agent{}) {
		return ""
	}
	return strings.Join([]string{a.Browser, a.System, a.HintedBrowser, a.HintedSystem}, separator)
}

// Parse reads what String wrote; anything else says nothing.
func Parse(written string) Agent {
	parts := strings.Split(written, separator)
	if len(parts) != 4 {
		return Agent{}
	}
	return Agent{parts[0], parts[1], parts[2], parts[3]}
}
