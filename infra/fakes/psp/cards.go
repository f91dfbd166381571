package psp

import "strings"

// card is what a payment method does when it is charged.
type card struct {
	code   string // why it is declined; empty: it is not
	action bool   // 3-D Secure: the donor must click first
	after  string // what happens to it later: "dispute", "refund_fails"
}

// cards are Stripe's test payment methods, by name.
var cards = map[string]card{
	"pm_card_visa":                                 {},
	"pm_card_visa_debit":                           {},
	"pm_card_mastercard":                           {},
	"pm_card_amex":                                 {},
	"pm_card_chargeDeclined":                       {code: "generic_decline"},
	"pm_card_visa_chargeDeclined":                  {code: "generic_decline"},
	"pm_card_chargeDeclinedInsufficientFunds":      {code: "insufficient_funds"},
	"pm_card_visa_chargeDeclinedInsufficientFunds": {code: "insufficient_funds"},
	"pm_card_visa_chargeDeclinedLostCard":          {code: "lost_card"},
	"pm_card_visa_chargeDeclinedStolenCard":        {code: "stolen_card"},
	"pm_card_chargeDeclinedExpiredCard":            {code: "expired_card"},
	"pm_card_chargeDeclinedIncorrectCvc":           {code: "incorrect_cvc"},
	"pm_card_chargeDeclinedProcessingError":        {code: "processing_error"},
	"pm_card_threeDSecure2Required":                {action: true},
	"pm_card_threeDSecureRequired":                 {action: true},
	"pm_card_authenticationRequired":               {action: true},
	"pm_card_threeDSecureRequiredChargeDeclined":   {action: true, code: "generic_decline"},
	"pm_card_createDispute":                        {after: "dispute"},
	"pm_card_refundFail":                           {after: "refund_fails"},
}

// numbers are the test numbers that a donor may type on the acquirer's page.
var numbers = map[string]string{
	"4242424242424242": "pm_card_visa",
	"4000056655665556": "pm_card_visa_debit",
	"5555555555554444": "pm_card_mastercard",
	"378282246310005":  "pm_card_amex",
	"4000000000000002": "pm_card_chargeDeclined",
	"4000000000009995": "pm_card_chargeDeclinedInsufficientFunds",
	"4000000000009987": "pm_card_visa_chargeDeclinedLostCard",
	"4000000000000069": "pm_card_chargeDeclinedExpiredCard",
	"4000000000000127": "pm_card_chargeDeclinedIncorrectCvc",
	"4000000000000119": "pm_card_chargeDeclinedProcessingError",
	"4000002760003184": "pm_card_authenticationRequired",
	"4000000000003220": "pm_card_threeDSecure2Required",
	"4000008400001629": "pm_card_threeDSecureRequiredChargeDeclined",
	"4000000000000259": "pm_card_createDispute",
	"4000000000005126": "pm_card_refundFail",
}

// method is the card behind a payment method; false: this acquirer knows no such method. Both take the shared vault's
// tokens: "vault:" and a test method's name, or anything else, which is a good card.
func method(name string) (card, bool) {
	if token, ok := strings.CutPrefix(name, "vault:"); ok {
		return cards[token], token != ""
	}
	c, ok := cards[name]
	return c, ok
}

// typed is the payment method for a card number as a donor types it.
func typed(number string) (string, bool) {
	name, ok := numbers[strings.NewReplacer(" ", "", "-", "").Replace(number)]
	return name, ok
}

// declined is what the acquirers tell the donor.
var declined = map[string]string{
	"generic_decline":    "Your card was declined.",
	"insufficient_funds": "Your card has insufficient funds.",
	"lost_card":          "Your card was declined.",
	"stolen_card":        "Your card was declined.",
	"expired_card":       "Your card has expired.",
	"incorrect_cvc":      "Your card's security code is incorrect.",
	"processing_error":   "An error occurred while processing your card. Try again in a little bit.",
}
