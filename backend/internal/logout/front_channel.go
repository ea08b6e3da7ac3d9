package logout

import (
	"net/url"
	"strings"
)

// FrontChannelURL is what a person's browser opens in a frame to let a client hear that their session has ended
// (OpenID Connect Front-Channel Logout 1.0 §2): the registered address with iss and sid, which every client may rely on,
// whether it registered frontchannel_logout_session_required or not.
func FrontChannelURL(registered, issuer, sid string) string {
	separator := "?"
	if strings.Contains(registered, "?") {
		separator = "&"
	}
	return registered + separator + "iss=" + url.QueryEscape(issuer) + "&sid=" + url.QueryEscape(sid)
}
