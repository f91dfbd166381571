package money

import "strings"

// The currencies of ISO 4217 by their number of decimals (LED-2). A code that is not here is refused: a wrong guess
// at its decimals would be wrong a hundredfold.
const (
	none  = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF"
	three = "BHD JOD KWD OMR TND"
	two   = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY " +
		"COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS " +
		"INR IRR ISK JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR " +
		"MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD " +
		"SSP STN SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
)

var exponents = func() map[string]int32 {
	m := map[string]int32{}
	for digits, codes := range map[int32]string{0: none, 2: two, 3: three} {
		for _, code := range strings.Fields(codes) {
			m[code] = digits
		}
	}
	return m
}()

func exponent(currency string) (int32, bool) {
	digits, ok := exponents[currency]
	return digits, ok
}
