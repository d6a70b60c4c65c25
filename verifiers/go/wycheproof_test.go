package verifier

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestWycheproof holds the algorithms against C2SP's vectors, where SECPIPE_VECTORS names a folder that has them.
func TestWycheproof(t *testing.T) {
	folder := filepath.Join(os.Getenv("SECPIPE_VECTORS"), "wycheproof")
	if _, err := os.Stat(folder); os.Getenv("SECPIPE_VECTORS") == "" || err != nil {
		t.Skip("SECPIPE_VECTORS names no folder with Wycheproof's vectors")
	}
	for file, name := range map[string]string{
		"ecdsa_secp256r1_sha256_test": "ecdsa-p256", "ecdsa_secp384r1_sha384_test": "ecdsa-p384", "ed25519_test": "ed25519",
		"mldsa_44_verify_test": "ml-dsa-44", "mldsa_65_verify_test": "ml-dsa-65",
	} {
		data, err := os.ReadFile(filepath.Join(folder, file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var all struct {
			TestGroups []struct {
				PublicKeyDer string
				Tests        []struct {
					TcID                      int
					Msg, Sig, Ctx, Result, Mu string
				}
			}
		}
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, group := range all.TestGroups {
			key, ok := wycheproofKey(name, group.PublicKeyDer)
			for _, one := range group.Tests {
				if one.Ctx != "" || one.Mu != "" { // we sign with an empty context
					continue
				}
				msg, _ := hex.DecodeString(one.Msg)
				sig, _ := hex.DecodeString(one.Sig)
				if count++; (ok && key.verify(sig, msg)) != (one.Result == "valid") {
					t.Errorf("%s %d: not %s", file, one.TcID, one.Result)
				}
			}
		}
		if count < 50 {
			t.Errorf("%s: only %d cases", file, count)
		}
	}
}

func wycheproofKey(name, der string) (key half, ok bool) {
	defer func() { _ = recover() }()
	raw, _ := hex.DecodeString(der)
	head, _ := hex.DecodeString(algorithms[name].head)
	return publicHalf(name, pemOf(algorithms[name], raw[len(head):])), true
}
