// Bundles and the statements that they sign: exactly the fields of the format, and nothing lenient.

package verifier

import (
	"bytes"
	"fmt"
)

const (
	mediaType   = "application/vnd.dev.sigstore.bundle.v0.3+json"
	payloadType = "application/vnd.in-toto+json"
	notes       = "https://secpipe.dev/"
)

type bundle struct {
	payload, signature []byte
	hint               string
	stamped            bool
}

func parseBundle(data []byte) bundle {
	top := exactly(parseJSON(data, false), "the bundle", []string{"mediaType", "verificationMaterial", "dsseEnvelope"})
	material := exactly(top["verificationMaterial"], "verificationMaterial", []string{"publicKey"}, "tlogEntries", "timestampVerificationData")
	if entries, there := material["tlogEntries"]; there {
		if list, ok := entries.([]any); !ok || len(list) != 0 {
			bad("the bundle carries log entries")
		}
	}
	hint, ok := exactly(material["publicKey"], "publicKey", []string{"hint"})["hint"].(string)
	dsse := exactly(top["dsseEnvelope"], "dsseEnvelope", []string{"payload", "payloadType", "signatures"})
	signatures, _ := dsse["signatures"].([]any)
	if top["mediaType"] != mediaType || !ok || !hex256.MatchString(hint) || dsse["payloadType"] != payloadType || len(signatures) != 1 {
		bad("the bundle is not one signature over a statement in Sigstore's v0.3")
	}
	one := exactly(signatures[0], "the signature", []string{"sig"}, "keyid")
	if keyid, there := one["keyid"]; there && keyid != "" {
		bad("keyid must be empty")
	}
	made := bundle{payload: unbase64(dsse["payload"], "the payload"), signature: unbase64(one["sig"], "the signature"), hint: hint}
	if len(made.signature) > 64<<10 {
		bad("a signature of more than 64 KiB")
	}
	made.stamped = parseStamps(material["timestampVerificationData"])
	return made
}

func parseStamps(value any) bool {
	if value == nil {
		return false
	}
	table := exactly(value, "timestampVerificationData", nil, "rfc3161Timestamps")
	tokens, ok := table["rfc3161Timestamps"].([]any)
	if _, there := table["rfc3161Timestamps"]; there && !ok || len(tokens) > 8 {
		bad("time stamps that are no list of at most eight")
	}
	for _, token := range tokens {
		unbase64(exactly(token, "a time stamp", []string{"signedTimestamp"})["signedTimestamp"], "a time stamp")
	}
	return len(tokens) > 0
}

// predicateType is one vetted type; the table is policies/signing/predicates.toml.
type predicateType struct {
	purpose, form string
	empty         bool
	required      []string
}

var predicateTypes = map[string]predicateType{
	"https://model_signing/signature/v1.0":            {"model", "folder", false, nil},
	"https://secpipe.dev/skill/v1":                    {"skill", "folder", false, nil},
	"https://secpipe.dev/plugin/v1":                   {"plugin", "folder", false, nil},
	"https://secpipe.dev/file/v1":                     {"file", "file", true, nil},
	"https://secpipe.dev/dataset/v1":                  {"dataset", "file", true, nil},
	"https://secpipe.dev/prompt/v1":                   {"prompt", "file", true, nil},
	"https://secpipe.dev/sbom/v1":                     {"sbom", "file", true, nil},
	"https://secpipe.dev/policy/v1":                   {"policy", "file", true, nil},
	"https://secpipe.dev/waiver/v1":                   {"waiver", "file", true, nil},
	"https://secpipe.dev/advisories/v1":               {"advisories", "file", true, nil},
	"https://secpipe.dev/verdict/v1":                  {"verdict", "file", true, nil},
	"https://sigstore.dev/cosign/sign/v1":             {"image", "oci", true, nil},
	"https://slsa.dev/provenance/v1":                  {"provenance", "attestation", false, nil},
	"https://cyclonedx.org/bom":                       {"cyclonedx", "attestation", false, nil},
	"https://in-toto.io/attestation/test-result/v0.1": {"test-result", "attestation", false, nil},
	"https://secpipe.dev/review/v1":                   {"review", "attestation", false, nil},
	"https://secpipe.dev/derivation/v1":               {"derivation", "attestation", false, nil},
	"https://secpipe.dev/signal/v1":                   {"signal", "attestation", false, nil},
	"https://in-toto.io/attestation/vulns/v0.2":       {"vuln", "attestation", false, nil},
	"https://slsa.dev/verification_summary/v1":        {"vsa", "verdict", false, []string{"verifier", "timeVerified", "resourceUri", "policy", "verificationResult", "verifiedLevels"}},
	"https://secpipe.dev/override/v1":                 {"override", "verdict", false, []string{"grant", "holder"}},
}

type statement struct {
	uri, name, version, kind string
	made                     int64 // 0: not said
	digests                  map[string]string
	predicate                object
	halves                   map[string]string // keyid -> algorithm; nil: nothing is declared
}

func parseStatement(payload []byte) statement {
	top := exactly(parseJSON(payload, false), "the statement", []string{"_type", "subject", "predicateType", "predicate"})
	subjects, _ := top["subject"].([]any)
	if top["_type"] != "https://in-toto.io/Statement/v1" || len(subjects) != 1 {
		bad("the payload is no in-toto Statement v1 with one subject")
	}
	subject := exactly(subjects[0], "the subject", []string{"name", "digest"}, "annotations")
	annotations := object{}
	if found, there := subject["annotations"]; there {
		annotations = fieldsOf(found, "annotations").table
	}
	s := statement{uri: textOf(top["predicateType"]), name: textOf(subject["name"]), predicate: fieldsOf(top["predicate"], "the predicate").table}
	s.digests = parseDigests(fieldsOf(subject["digest"], "the digest").table, predicateTypes[s.uri].form == "verdict")
	for name, place := range map[string]*string{"version/v1": &s.version, "kind/v1": &s.kind} {
		if value, there := annotations[notes+name]; there {
			*place = textOf(value)
		}
	}
	if value, there := annotations[notes+"made/v1"]; there && textOf(value) != "" {
		moment, ok := instant(textOf(value))
		if s.made = moment; !ok {
			bad("the signed time is no RFC 3339 time in UTC")
		}
	}
	s.halves = parseDeclaration(annotations[notes+"hybrid/v1"])
	return s
}

func textOf(value any) string {
	text, ok := value.(string)
	if !ok {
		bad("a text that is none")
	}
	return text
}

func parseDigests(table object, verdict bool) map[string]string {
	found := map[string]string{}
	for name, value := range table {
		text := textOf(value)
		if (name == "sha256" || name == "dirHash") && !hex256.MatchString(text) || verdict && name != "sha256" && name != "dirHash" {
			bad("a digest that is not 64 hex digits, or not known here")
		}
		found[name] = text
	}
	if verdict && found["dirHash"] == "" || !verdict && found["sha256"] == "" {
		bad("the subject lacks the digest that names it")
	}
	return found
}

func parseDeclaration(value any) map[string]string {
	if value == nil {
		return nil
	}
	table := exactly(value, "the declaration", []string{"mode", "halves"})
	rows, _ := table["halves"].([]any)
	if table["mode"] != "all-of" || len(rows) == 0 || len(rows) > 8 {
		bad("the declaration is not all-of one to eight halves")
	}
	halves := map[string]string{}
	for _, row := range rows {
		one := exactly(row, "a declared half", []string{"alg", "keyid"})
		keyid := textOf(one["keyid"])
		if _, twice := halves[keyid]; twice || !hex256.MatchString(keyid) {
			bad("a half that is declared twice, or without keyid")
		}
		halves[keyid] = textOf(one["alg"])
	}
	return halves
}

// pae is what DSSE signs.
func pae(payload []byte) []byte {
	head := fmt.Sprintf("DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload))
	return append([]byte(head), payload...)
}

func samePayload(bundles []bundle) bool {
	return len(bundles) < 2 || bytes.Equal(bundles[0].payload, bundles[1].payload)
}
