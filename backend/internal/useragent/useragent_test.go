package useragent

import "testing"

// Browsers as they are, each with what it says when its person asks for the pages of a computer.
const (
	edgeWindows     = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
	chromeWindows   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
	newerWindows    = "Mozilla/5.0 (Windows NT 11.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/151.0.0.0 Safari/537.36"
	chromeMac       = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
	chromeLinux     = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
	chromeAndroid   = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
	safariMac       = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
	safariPhone     = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	chromePhone     = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0.0.0 Mobile/15E148 Safari/604.1"
	installedPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
	firefoxLinux    = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
	firefoxNewer    = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	samsungAndroid  = "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36"
	samsungComputer = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Safari/537.36"
	chromeBrands    = `"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"`
	braveBrands     = `"Brave";v="129", "Not=A?Brand";v="8", "Chromium";v="129"`
)

func TestNamesOfBrowsers(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string][2]string{
		edgeWindows: {"Edge", "Windows"}, safariMac: {"Safari", "macOS"}, firefoxLinux: {"Firefox", "Linux"}, samsungAndroid: {"Samsung Internet", "Android"}, chromePhone: {"Chrome", "iPhone"},
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 OPR/114.0.0.0": {"Opera", "ChromeOS"},
		"curl/8.5.0": {"", ""},
		"":           {"", ""},
	} {
		browser, system := Names(agent)
		if got := [2]string{browser, system}; got != want {
			t.Errorf("%s: %v", agent, got)
		}
	}
}

func TestWhatIsTheSameBrowser(t *testing.T) {
	t.Parallel()
	only := func(userAgent string) Agent { return Of(userAgent, "", "") }
	hinted := func(userAgent, brands, platform string) Agent { return Of(userAgent, brands, platform) }
	for name, pair := range map[string][2]Agent{
		"an update": {only(chromeWindows), only(newerWindows)},
		"an update of Firefox, and of how it names Linux": {only(firefoxLinux), only(firefoxNewer)},
		"an iPad that says it is a Mac":                   {only("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Safari/604.1"), only(safariMac)},
		"a phone that asks for the pages of a computer":   {only(safariPhone), only(safariMac)},
		"another browser of a phone that does":            {only(chromePhone), only(safariMac)},
		"an Android phone that does":                      {hinted(chromeAndroid, chromeBrands, `"Android"`), hinted(chromeLinux, chromeBrands, `"Linux"`)},
		"a Samsung phone that does":                       {only(samsungAndroid), only(samsungComputer)},
		"a page on the home screen":                       {only(safariPhone), only(installedPhone)},
		"hints that a proxy takes away":                   {hinted(chromeWindows, braveBrands, `"Windows"`), only(chromeWindows)},
		"hints that come later":                           {only(chromeWindows), hinted(chromeWindows, chromeBrands, `"Windows"`)},
		"hints of brands that nobody knows":               {hinted(chromeWindows, `"Nobody";v="1"`, `"Plan 9"`), hinted(chromeWindows, chromeBrands, `"Windows"`)},
		"one program and another":                         {only("curl/8.5.0"), only("")},
		"a name that hides everything":                    {only(chromeWindows), only("Mozilla/5.0")},
		"nothing known before":                            {Parse(""), hinted(chromeWindows, chromeBrands, `"Windows"`)},
		"nonsense known before":                           {Parse("a/b"), only(chromeWindows)},
	} {
		if pair[0].Differs(pair[1]) || pair[1].Differs(pair[0]) {
			t.Errorf("%s: %v and %v", name, pair[0], pair[1])
		}
	}
}

func TestWhatIsAnotherBrowser(t *testing.T) {
	t.Parallel()
	all := []Agent{Of(chromeWindows, chromeBrands, `"Windows"`), Of(chromeWindows, braveBrands, `"Windows"`), Of(edgeWindows, "", ""), Of(chromeMac, chromeBrands, `"macOS"`), Of(safariPhone, "", ""),
		Of(chromeAndroid, chromeBrands, `"Android"`), Of(samsungAndroid, "", ""), Of(firefoxLinux, "", "")}
	for i, one := range all {
		if written := Parse(one.String()); written != one || one.Differs(written) {
			t.Errorf("%v is read back as %v", one, written)
		}
		for _, other := range all[i+1:] {
			if !one.Differs(other) || !other.Differs(one) {
				t.Errorf("%v and %v are taken for the same", one, other)
			}
		}
	}
	// Whoever copies the User-Agent alone is betrayed by the hints of the real system.
	if !Of(chromeWindows, chromeBrands, `"Windows"`).Differs(Of(chromeWindows, chromeBrands, `"Linux"`)) {
		t.Error("the hint of the platform counts for nothing")
	}
	if (Agent{}).String() != "" {
		t.Error("nothing is written down as something")
	}
}
