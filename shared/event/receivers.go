package event

import "slices"

// owner stands in the table for the service that the message is about.
const owner = "for"

// receivers is who gets what; all but refused also interest giftaid, since a gift is claimable only while settled.
// In AWS the same table stands as filters of the topic's subscriptions.
var receivers = map[string][]string{
	PaymentsRequested:      {"payments"},
	PaymentsRecorded:       {"payments"},
	PaymentsSettled:        {owner, "giftaid"},
	PaymentsRefused:        {owner},
	PaymentsRefunded:       {owner, "giftaid"},
	PaymentsRefundFailed:   {owner, "giftaid"},
	PaymentsDisputed:       {owner, "giftaid"},
	PaymentsDisputeClosed:  {owner, "giftaid"},
	PaymentsMandateChanged: {owner},
	ImagesUploaded:         {"images"},
}

// Types are all types of message, in order.
func Types() []string {
	var all []string
	for kind := range receivers {
		all = append(all, kind)
	}
	slices.Sort(all)
	return all
}

// Receivers are the services that get a message, each once; none for a type that nobody knows. A service that does
// not run is simply not delivered to.
func Receivers(m Message) []string {
	var to []string
	for _, name := range receivers[m.Type] {
		if name == owner {
			name = m.For.Service
		}
		if name != "" && !slices.Contains(to, name) {
			to = append(to, name)
		}
	}
	return to
}

// Subscribed are the types that a service may receive, in order: what concerns any owner of payments counts where
// owns is set.
func Subscribed(service string, owns bool) []string {
	var kinds []string
	for _, kind := range Types() {
		if slices.Contains(receivers[kind], service) || owns && slices.Contains(receivers[kind], owner) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
