package payments

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// tolerance is how old, or how far in the future, a signed webhook may be (PAY-5, PAY-6).
const tolerance = 300 * time.Second

var (
	errUnsigned = errors.New("there is no Stripe-Signature header of the form t=…,v1=…")
	errStale    = errors.New("its time is more than 300 s from ours: check both clocks")
	errForged   = errors.New("no v1 of it fits the body: check that the secret is this endpoint's own, and that nothing on the way changes the body")
)

// verify checks Stripe's header over the raw body (PAY-5): any v1 may fit; other schemes, v0 too, are ignored.
func verify(header string, body []byte, secret string, now time.Time) error {
	var at int64
	var given [][]byte
	var timed bool
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || timed {
				return errUnsigned
			}
			at, timed = n, true
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil {
				given = append(given, sum)
			}
		}
	}
	if !timed || len(given) == 0 {
		return errUnsigned
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, at, 10))
	mac.Write([]byte("."))
	mac.Write(body)
	want := mac.Sum(nil)
	fits := false
	for _, sum := range given {
		fits = hmac.Equal(sum, want) || fits
	}
	switch age := now.Unix() - at; {
	case !fits:
		return errForged
	case age > int64(tolerance.Seconds()) || age < -int64(tolerance.Seconds()):
		return errStale
	}
	return nil
}
