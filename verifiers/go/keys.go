// Public keys as text, and the signatures that they verify: ECDSA, Ed25519, ML-DSA. The text is read by comparison.

package verifier

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mldsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

const (
	classical = "classical"
	pq        = "pq"
)

type algorithm struct {
	class  string
	head   string // hex of the DER in front of the raw key
	size   int
	verify func(raw, signature, message []byte) bool
}

var algorithms = map[string]algorithm{
	"ed25519":    {classical, "302a300506032b6570032100", 32, verifyEd25519},
	"ecdsa-p256": {classical, "3059301306072a8648ce3d020106082a8648ce3d030107034200", 65, ecdsaOver(elliptic.P256())},
	"ecdsa-p384": {classical, "3076301006072a8648ce3d020106052b81040022036200", 97, ecdsaOver(elliptic.P384())},
	"ml-dsa-44":  {pq, "30820532300b0609608648016503040311038205" + "2100", 1312, mlDSA(mldsa.MLDSA44())},
	"ml-dsa-65":  {pq, "308207b2300b0609608648016503040312038207" + "a100", 1952, mlDSA(mldsa.MLDSA65())},
	"ml-dsa-87":  {pq, "30820a32300b060960864801650304031303820a" + "2100", 2592, mlDSA(mldsa.MLDSA87())},
}

// half is the public key of one half of a pair; keyid is the hex SHA-256 of its PEM text.
type half struct {
	algorithm, class, pem string
	raw                   []byte
}

func (h half) keyid() string { return sha256Hex([]byte(h.pem)) }

func (h half) verify(signature, message []byte) bool {
	return algorithms[h.algorithm].verify(h.raw, signature, message)
}

// publicHalf reads a PEM that must be exactly what an encoder writes: otherwise one key could have two ids.
func publicHalf(name, pem string) half {
	found, ok := algorithms[name]
	if !ok {
		bad("a public key of an algorithm that is not known")
	}
	lines := strings.Split(strings.TrimSuffix(pem, "\n"), "\n")
	if len(lines) < 3 {
		bad("a public key that is not PEM")
	}
	der, err := base64.StdEncoding.Strict().DecodeString(strings.Join(lines[1:len(lines)-1], ""))
	head, _ := hex.DecodeString(found.head)
	if err != nil || len(der) != len(head)+found.size || pemOf(found, der[len(head):]) != pem {
		bad("a public key that is not %s in canonical form", name)
	}
	made := half{name, found.class, pem, der[len(head):]}
	if curve, ok := curves[name]; ok {
		if _, err := ecdsa.ParseUncompressedPublicKey(curve, made.raw); err != nil {
			bad("a public key that is not on its curve")
		}
	}
	return made
}

func pemOf(found algorithm, raw []byte) string {
	head, _ := hex.DecodeString(found.head)
	text := base64.StdEncoding.EncodeToString(append(head, raw...))
	var out strings.Builder
	out.WriteString("-----BEGIN PUBLIC KEY-----\n")
	for len(text) > 0 {
		line := text[:min(64, len(text))]
		out.WriteString(line + "\n")
		text = text[len(line):]
	}
	return out.String() + "-----END PUBLIC KEY-----\n"
}

var curves = map[string]elliptic.Curve{"ecdsa-p256": elliptic.P256(), "ecdsa-p384": elliptic.P384()}

func ecdsaOver(curve elliptic.Curve) func(raw, signature, message []byte) bool {
	return func(raw, signature, message []byte) bool {
		key, err := ecdsa.ParseUncompressedPublicKey(curve, raw)
		if err != nil {
			return false
		}
		if curve == elliptic.P384() {
			sum := sha512.Sum384(message)
			return ecdsa.VerifyASN1(key, sum[:], signature)
		}
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], signature)
	}
}

func verifyEd25519(raw, signature, message []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(raw), message, signature)
}

func mlDSA(set mldsa.Parameters) func(raw, signature, message []byte) bool {
	return func(raw, signature, message []byte) bool {
		key, err := mldsa.NewPublicKey(set, raw)
		return err == nil && len(signature) == set.SignatureSize() && mldsa.Verify(key, message, signature, nil) == nil
	}
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
