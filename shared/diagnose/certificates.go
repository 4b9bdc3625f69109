package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"cce-oncall/shared/incident"
	"cce-oncall/shared/observe"
)

// expiresSoon is how long before its end a certificate is worth a word by itself; when somebody asks about it, a month is.
const expiresSoon = 72 * time.Hour

// certificates looks at the certificates of Ingresses: what the Secret says of itself, what cert-manager says of it, what the Ingress
// controller measures and writes, and what clients complain about.
func (g *gather) certificates() {
	for _, i := range g.v.Objects.Ingresses {
		for _, x := range i.Spec.TLS {
			if x.SecretName != "" {
				g.certificate(i, x)
			}
		}
	}
	g.managedCertificates()
	g.measuredCertificates()
	g.certificateLines()
}

func secretTarget(ns, n string) incident.Target {
	return incident.Target{Kind: "Secret", Namespace: ns, Name: n}
}

// certificate holds the certificate of one TLS entry of an Ingress against the clock and its hosts.
func (g *gather) certificate(i *networkingv1.Ingress, x networkingv1.IngressTLS) {
	v := g.v
	t := secretTarget(i.Namespace, x.SecretName)
	for _, s := range v.Objects.Secrets {
		if s.Namespace != i.Namespace || s.Name != x.SecretName {
			continue
		}
		if until, err := time.Parse(time.RFC3339, s.Annotations[observe.CertificateNotAfter]); err == nil {
			g.expiry(t, until, i)
		}
		known := s.Annotations[observe.CertificateHosts]
		if known == "" {
			return
		}
		for _, h := range x.Hosts {
			if !slices.ContainsFunc(strings.Split(known, ","), func(p string) bool { return covers(p, h) }) {
				d, _ := g.on(incident.IngressCertificateMismatch, t)
				d.say(fmt.Sprintf("the certificate in %s is not for %s", t, h), fmt.Sprintf("%s 中的证书不适用于 %s", t, h)).
					object(t, "certificate for %s", quote(known)).object(target("Ingress", i), "spec.tls: secretName %s, host %s", x.SecretName, h).affects(target("Ingress", i))
			}
		}
	}
}

// covers says whether a name of a certificate covers a host: a star stands for exactly one label.
func covers(pattern, host string) bool {
	if strings.EqualFold(pattern, host) {
		return true
	}
	rest, ok := strings.CutPrefix(pattern, "*.")
	_, parent, dotted := strings.Cut(host, ".")
	return ok && dotted && strings.EqualFold(rest, parent)
}

// expiry says that a certificate is over, or nearly.
func (g *gather) expiry(t incident.Target, until time.Time, users ...*networkingv1.Ingress) *draft {
	left := until.Sub(g.v.At)
	asked := g.v.asked(t)
	for _, i := range users {
		asked = asked || g.v.asked(target("Ingress", i))
	}
	if left > expiresSoon && (!asked || left > 30*24*time.Hour) {
		return nil
	}
	d, fresh := g.on(incident.IngressCertificateExpired, t)
	if fresh {
		if left <= 0 {
			d.say(fmt.Sprintf("the certificate in %s has expired", t), fmt.Sprintf("%s 中的证书已过期", t)).since(until)
		} else {
			d.say(fmt.Sprintf("the certificate in %s expires in %s", t, spanEN(left)), fmt.Sprintf("%s 中的证书将在%s后过期", t, spanZH(left))).weigh(0.6)
		}
	}
	d.object(t, "notAfter %s", until.UTC().Format(time.RFC3339))
	for _, i := range users {
		d.affects(target("Ingress", i)).object(target("Ingress", i), "spec.tls names Secret %s", t.Name)
	}
	return d
}

// managedCertificates are those of cert-manager, whose objects say until when they hold and why they are not renewed.
func (g *gather) managedCertificates() {
	for _, u := range g.v.Objects.Other {
		if u.GetKind() != "Certificate" || !strings.HasPrefix(u.GetAPIVersion(), "cert-manager.io/") {
			continue
		}
		n, _, _ := unstructured.NestedString(u.Object, "spec", "secretName")
		until, err := time.Parse(time.RFC3339, field3(u, "status", "notAfter"))
		if n == "" || err != nil {
			continue
		}
		t := secretTarget(u.GetNamespace(), n)
		d := g.expiry(t, until, g.v.servedWith(u.GetNamespace(), n)...)
		if ok, why, at := conditionOf(u, "Ready"); d != nil && ok == "False" {
			d.object(ownerOf(u), "conditions[Ready]: False %s", quote(why)).since(at)
		}
	}
}

func field3(u *unstructured.Unstructured, path ...string) string {
	s, _, err := unstructured.NestedString(u.Object, path...)
	if err != nil {
		return ""
	}
	return s
}

func (v *view) servedWith(ns, secret string) []*networkingv1.Ingress {
	var out []*networkingv1.Ingress
	for _, i := range v.Objects.Ingresses {
		if i.Namespace == ns && slices.ContainsFunc(i.Spec.TLS, func(x networkingv1.IngressTLS) bool { return x.SecretName == secret }) {
			out = append(out, i)
		}
	}
	return out
}

// measuredCertificates are the times of expiry that Ingress controllers and probes export, in Unix seconds.
func (g *gather) measuredCertificates() {
	v := g.v
	for i := range v.Series {
		s := &v.Series[i]
		if n := s.Name(); n != "nginx_ingress_controller_ssl_expire_time_seconds" && n != "certmanager_certificate_expiration_timestamp_seconds" && n != "probe_ssl_earliest_cert_expiry" {
			continue
		}
		p, ok := s.Last()
		if !ok || !v.recent(p.At, lately) || p.Value < 1e9 || p.Value > 1e11 {
			continue
		}
		ns := cmpOr(s.Labels["secret_namespace"], cmpOr(s.Labels["exported_namespace"], s.Labels["namespace"]))
		t, users := v.secretOf(ns, cmpOr(s.Labels["secret_name"], s.Labels["secret"]), cmpOr(s.Labels["host"], s.Labels["instance"]))
		if t.Name == "" {
			continue
		}
		until := time.Unix(int64(p.Value), 0).UTC()
		if d := g.expiry(t, until, users...); d != nil {
			d.metric(t, p.At, "%s: %s", s.Name(), until.Format(time.RFC3339))
		}
	}
}

// secretOf is the Secret whose certificate serves a host, with the Ingresses that name it.
func (v *view) secretOf(ns, n, host string) (incident.Target, []*networkingv1.Ingress) {
	if n != "" && ns != "" {
		return secretTarget(ns, n), v.servedWith(ns, n)
	}
	host = strings.TrimPrefix(strings.TrimPrefix(host, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	for _, i := range v.Objects.Ingresses {
		for _, x := range i.Spec.TLS {
			if host != "" && slices.ContainsFunc(x.Hosts, func(h string) bool { return covers(h, host) }) && x.SecretName != "" {
				return secretTarget(i.Namespace, x.SecretName), []*networkingv1.Ingress{i}
			}
		}
	}
	return incident.Target{}, nil
}

var (
	lineExpired  = regexp.MustCompile(`(?i)certificate has expired|certificate .*(is|was) expired|SSL certificate for server .* (expired|is about to expire)|CERT_HAS_EXPIRED|certificate expired|NotAfter`)
	lineMismatch = regexp.MustCompile(`(?i)certificate is (not )?valid for|ERR_TLS_CERT_ALTNAME_INVALID|hostname mismatch|doesn't match any of the subject alternative names|Unexpected error validating SSL certificate|No subject alternative (DNS )?name`)
	lineHost     = regexp.MustCompile(`(?i)(?:server|host|not) "?([a-z0-9*-]+(?:\.[a-z0-9-]+)+)|https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)`)
	lineSecret   = regexp.MustCompile(`"([a-z0-9.-]+)/([a-z0-9.-]+)"`)
)

// certificateLines reads what Ingress controllers and clients write about a certificate that an Ingress of this cluster serves.
func (g *gather) certificateLines() {
	v := g.v
	for i := range v.Logs {
		l := &v.Logs[i]
		w, pod := v.logOwner(l)
		if w == nil {
			continue
		}
		for _, line := range l.Lines {
			r := incident.Reason("")
			switch {
			case !strings.Contains(strings.ToLower(line), "cert"):
				continue
			case lineMismatch.MatchString(line):
				r = incident.IngressCertificateMismatch
			case lineExpired.MatchString(line):
				r = incident.IngressCertificateExpired
			default:
				continue
			}
			t, users := v.secretInLine(line)
			if t.Name == "" {
				continue
			}
			d, fresh := g.on(r, t)
			if fresh {
				n := incident.Info(r)
				d.say(fmt.Sprintf("%s: %s", t, n.Title.EN), fmt.Sprintf("%s：%s", t, n.Title.ZH)).weigh(0.95).affects(w.target)
				for _, u := range users {
					d.object(target("Ingress", u), "spec.tls names Secret %s", t.Name).affects(target("Ingress", u))
				}
			}
			if !slices.ContainsFunc(d.f.Evidence, func(e incident.Evidence) bool { return e.Source == incident.FromLog }) {
				d.line(pod, l.Container, line)
			}
		}
	}
}

func (v *view) secretInLine(line string) (incident.Target, []*networkingv1.Ingress) {
	if m := lineSecret.FindStringSubmatch(line); m != nil {
		if users := v.servedWith(m[1], m[2]); len(users) > 0 {
			return secretTarget(m[1], m[2]), users
		}
	}
	for _, m := range lineHost.FindAllStringSubmatch(line, 5) {
		if t, users := v.secretOf("", "", cmpOr(m[1], m[2])); t.Name != "" {
			return t, users
		}
	}
	return incident.Target{}, nil
}
