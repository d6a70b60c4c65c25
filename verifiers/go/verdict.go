// Signed verdicts (SLSA VSA): what they are about, who gave them, under which trust, and until when.

package verifier

import (
	"slices"
	"strings"
	"time"
)

const (
	extension = "https://secpipe.dev/verdict/v1"
	clockSkew = 5 * 60
	manyItems = 200_000
	longText  = 4096
)

// Asked is what whoever deploys asks of a verdict. Digest is the dirHash of the release; Links the digest of its
// symbolic links ("" where there are none; nil: not known); the zero value of each other field asks for nothing.
type Asked struct {
	Digest, Environment, Policy, Name string
	Links                             *string
	Verifiers                         []string
	MinRoot, MinRing, MaxAge          int64 // MaxAge in seconds
}

type summary struct {
	verifier, policy, environment, decision, links, image, rootDigest string
	at, validUntil, rootVersion, ringVersion                          int64
	selfJudged                                                        bool
}

// VerifyVerdict verifies a signed verdict and tells whether it lets the release out.
func (t *Trust) VerifyVerdict(b Bundles, a Asked, now time.Time) (v *Verified, err error) {
	defer catch(&err)
	found := t.establish(b, Demand{Environment: a.Environment, Purpose: "vsa"}, now.Unix())
	if found.form != "verdict" || found.kind != "vsa" {
		refuse("not-a-verdict", "this is no verdict")
	}
	if !slices.Contains(found.who.purposes, "vsa") || !subset(found.who.purposes, duties[0]) {
		refuse("mixed-duties", "whoever builds must not judge")
	}
	for _, field := range found.required {
		if _, there := found.predicate[field]; !there {
			refuse("verdict-malformed", "the predicate is no verdict")
		}
	}
	if found.made == 0 || found.made > now.Unix()+clockSkew {
		refuse("not-yet-made", "the statement says a time to come, or none")
	}
	s := as("verdict-malformed", func() summary { return parseSummary(found.predicate) })
	t.holdSummary(s, found, a, now.Unix())
	t.answer(s, found, a, now.Unix())
	return found.verified(), nil
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// holdSummary refuses what does not hold, or is about something else.
func (t *Trust) holdSummary(s summary, found established, a Asked, now int64) {
	parts := strings.Split(s.verifier, "/")
	known := slices.ContainsFunc(t.roots, func(one root) bool { return one.digest == s.rootDigest })
	switch {
	case found.digests["sha256"] != s.image:
		refuse("verdict-malformed", "the verdict names one image and says that it judged another")
	case found.digests["dirHash"] != a.Digest:
		refuse("other-release", "the verdict is about another release")
	case s.environment != a.Environment:
		refuse("other-environment", "the verdict is for another environment")
	case a.Links != nil && s.links != *a.Links:
		refuse("other-links", "the links are not those that were judged")
	case parts[len(parts)-1] != found.who.name:
		refuse("other-verifier", "the verifier is not who signed it")
	case s.at > now+clockSkew:
		refuse("not-yet-made", "the verdict was given after now")
	case s.rootDigest == "", !known && s.rootVersion <= t.newest().version:
		refuse("other-root", "the verdict was given under another trust root, or none")
	case s.rootVersion > t.newest().version, s.ringVersion > t.ring.newest().version:
		refuse("newer-trust", "the verdict was given under a newer trust")
	}
}

// answer refuses where the verdict holds and is no yes for now.
func (t *Trust) answer(s summary, found established, a Asked, now int64) {
	switch {
	case len(a.Verifiers) > 0 && !slices.Contains(a.Verifiers, s.verifier):
		refuse("verifier-not-accepted", "the policy does not accept this verifier")
	case a.Policy != "" && s.policy != a.Policy:
		refuse("other-policy", "the verdict was given by another policy")
	case a.Name != "" && found.name != a.Name:
		refuse("wrong-name", "the verdict calls the release otherwise")
	case min(t.newest().version, s.rootVersion) < a.MinRoot, min(t.ring.newest().version, s.ringVersion) < a.MinRing:
		refuse("old-trust", "root or ring is older than the least accepted")
	case s.decision == "undecided", s.selfJudged:
		refuse("verdict-undecided", "the verdict came to no answer")
	case s.decision == "deny":
		refuse("verdict-says-no", "the verdict is a no")
	case now >= s.validUntil:
		refuse("verdict-expired", "the verdict ended")
	case a.MaxAge > 0 && now-s.at > a.MaxAge:
		refuse("verdict-too-old", "the verdict is older than was asked for")
	}
}

func parseSummary(predicate object) summary {
	top := fieldsOf(predicate, "the verdict")
	own := top.fields(extension)
	verifier := top.fields("verifier")
	s := summary{verifier: verifier.text("id", anyPattern, longText), decision: own.text("decision", anyPattern, 16)}
	if !slices.Contains([]string{"pass", "warn", "undecided", "deny"}, s.decision) {
		bad("the verdict has no valid decision")
	}
	verifier.fields("version").text("secpipe", anyPattern, 64)
	s.at, s.validUntil = top.time("timeVerified"), own.time("validUntil")
	top.text("resourceUri", anyPattern, longText)
	s.policy = sha256Of(top.fields("policy"), "digest")
	for key, limit := range map[string]int{"policyName": longText, "mode": 16, "advisories": 64, "validUntilBecause": longText} {
		own.text(key, anyPattern, limit)
	}
	for _, key := range []string{"resolvedPolicy", "verdict", "evidence"} {
		sha256Of(own, key)
	}
	s.environment, s.links, s.selfJudged = own.text("environment", anyPattern, 256), own.text("links", anyPattern, 64), get[bool](own, "selfJudged")
	if trust, there := own.table["trust"]; !there || trust != nil {
		f := own.fields("trust")
		s.rootVersion, s.ringVersion = f.number("rootVersion"), f.number("ringVersion")
		s.rootDigest = sha256Of(f, "root")
		sha256Of(f, "ring")
	}
	parseRest(top, own)
	if own.has("image") {
		s.image = sha256Of(own, "image")
	}
	passed := (s.decision == "pass" || s.decision == "warn") && !s.selfJudged
	if result := top.text("verificationResult", anyPattern, 16); passed != (result == "PASSED") || !passed && result != "FAILED" {
		bad("the result does not follow from the decision")
	}
	levels := top.strings("verifiedLevels", anyPattern, anyCount)
	if passed && slices.Contains(levels, "FAILED") || !passed && !slices.Equal(levels, []string{"FAILED"}) {
		bad("the levels do not follow from the result")
	}
	return s
}

func sha256Of(f *fields, key string) string { return f.fields(key).text("sha256", hex256, 64) }

// parseRest reads what must be well-formed and decides nothing here.
func parseRest(top, own *fields) {
	glass := own.fields("breakGlass")
	glass.integer("holders", 0, 1_000_000)
	glass.integer("maxHours", 0, 1_000_000)
	own.strings("leftOut", anyPattern, manyItems)
	if own.has("executable") {
		own.strings("executable", anyPattern, manyItems)
	}
	if own.has("exploited") {
		own.integer("exploited", 0, 1_000_000)
	}
	for _, item := range top.list("inputAttestations", manyItems) {
		f := fieldsOf(item, "an input attestation")
		f.text("uri", anyPattern, 4*longText)
		sha256Of(f, "digest")
	}
	for _, item := range own.list("artifacts", manyItems) {
		f := fieldsOf(item, "an artifact")
		digests := f.fields("digest")
		name := strings.Join(sortedKeys(digests.table), " ")
		if name != "sha256" && name != "dirHash" {
			bad("an artifact without a digest")
		}
		digests.text(name, hex256, 64)
		f.text("path", anyPattern, longText)
	}
}
