package lark

import "net/url"

// webAddress says whether a link may stand on a card: http(s) with a host.
func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
