// Package judge says of a route group, from what both sides did in the same minutes, whether the new side may have more, must give
// back what it has, or stays where it is; and by which numbers. It is arithmetic: no clock, no store, no network. The same cells,
// situation and policy always give the same verdict, bit for bit (J-14).
//
// # Method
//
// Each test keeps an e-process: the worth of a stake of 1 that is bet, cell after cell, on the new side being worse. If it is no
// worse, no way of betting makes the stake worth 1/alpha at any time with a chance above alpha (Ville 1939), so that the judge may look
// after every request for weeks, and its numbers may be read as they stand: a worth of 1,000 is a chance of a thousandth.
//
//	attribute.go    visits of donors: whose failure is it, given whose visits these were (J-3)
//	paired.go       requests given to both sides: which of them failed alone (J-2; McNemar 1947)
//	slow.go         waits, by the first on answers beyond a limit, by the second on pairs (J-7)
//	alone.go        at full weight, where no minutes are the same: the new side against what legacy showed before
//	bet.go          the bets: a mixture of ratios, begun again when they have sunk
//	evidence.go     one stake for all tests: alpha is spent once a group and experiment (J-5)
//	look.go         from evidence and situation to a verdict
//
// What is taken for granted is J-6: that an event is a visitor's and a minute's, and not a hundred times the same visitor's.
//
// Sources: G. Shafer, Testing by betting, J. R. Stat. Soc. A 184 (2021) 407-431. V. Vovk and R. Wang, E-values: calibration,
// combination and applications, Ann. Statist. 49 (2021) 1736-1754: a weighted mean of e-processes is one. A. Ramdas, P. Gruenwald,
// V. Vovk and G. Shafer, Game-theoretic statistics and safe anytime-valid inference, Statist. Sci. 38 (2023) 576-601. K. Joag-Dev
// and F. Proschan, Negative association of random variables, Ann. Statist. 11 (1983) 286-295: of draws without replacement. Q.
// McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12 (1947) 153-157. J. Ville,
// Etude critique de la notion de collectif, Gauthier-Villars 1939. A. Wald, Sequential tests of statistical hypotheses, Ann. Math.
// Statist. 16 (1945) 117-186: likelihood ratios against a known rate. E. B. Wilson, Probable inference, the law of succession, and
// statistical inference, J. Am. Stat. Assoc. 22 (1927) 209-212: how large a rate may be.
package judge

import "time"

// The two sides as indices.
const (
	Legacy = 0
	New    = 1
)

// Counts is what one side did within a cell. All counts add: two replicas' cells of the same time become one by Plus.
type Counts struct {
	Requests    int64 `json:"requests"`     // judged: no bots, overrides, marks, deny-listed paths (J-6)
	Visitors    int64 `json:"visitors"`     // of them, one a visitor a minute: the sample
	Failed      int64 `json:"failed"`       // the side's own failures, one a visitor a minute a class
	Network     int64 `json:"network"`      // of Failed, those that never reached the side's program: connect, TLS
	Client      int64 `json:"client"`       // ended by the client or refused by the gateway: nobody's failure, kept for blame
	Posts       int64 `json:"posts"`        // writes that were answered, by visitor and minute
	Refused     int64 `json:"refused"`      // of them, not accepted: D-11, a form's success is 302 with Location
	PostsFailed int64 `json:"posts_failed"` // writes beside them that ended in the side's own failure, by visitor and minute
	Gifts       int64 `json:"gifts"`        // accepted writes whose outcome is known or overdue
	Lost        int64 `json:"lost"`         // of them, reported as bad, or not reported within 15 minutes
	// Latency counts warm, unstreamed answers by time to the head; Bound says where a bucket ends. Censored waits stand in the
	// bucket that they had reached (W-83).
	Latency Histogram `json:"latency"`
}

// Pairs is what shadowing showed within a cell: one request, both sides. Bad and slow are the discordant pairs (J-2, J-7).
type Pairs struct {
	Compared   int64 `json:"compared"`
	NewBad     int64 `json:"new_bad"` // the new side failed where legacy did not
	LegacyBad  int64 `json:"legacy_bad"`
	NewSlow    int64 `json:"new_slow"`    // slower than legacy by more than the margin
	LegacySlow int64 `json:"legacy_slow"` // the reverse
	Differing  int64 `json:"differing"`   // the answers mean something else, after masks
	Replays    int64 `json:"replays"`     // legacy asked twice (A/A)
	Noise      int64 `json:"noise"`       // of them, differing from itself
	Critical   int64 `json:"critical"`    // an effect differs in an amount or a consent: one is enough (J-8)
}

// Cell is a short time of one group at one weight, over all replicas.
type Cell struct {
	At       time.Time `json:"at"` // UTC; its beginning, a multiple of Policy.Cell
	Revision int64     `json:"revision"`
	Weight   int       `json:"weight"` // basis points
	Side     [2]Counts `json:"side"`
	Pairs    Pairs     `json:"pairs"`
}

// Kind is what a verdict comes to.
type Kind string

// The verdicts (J-10).
const (
	PromoteOK Kind = "PROMOTE_OK"
	Hold      Kind = "HOLD"
	Rollback  Kind = "ROLLBACK"
	Freeze    Kind = "FREEZE"
)

// Blame says whose trouble it is, where there is any.
type Blame string

// The blamed. Both together is no reason to roll back: a slow database behind both looks like that.
const (
	Nobody  Blame = ""
	Service Blame = "service"
	Old     Blame = "legacy"
	Both    Blame = "both"
	Network Blame = "network"
	Client  Blame = "client"
)

// Situation is what a look knows besides the cells: where the group stands, and what else may stop a step.
type Situation struct {
	At       time.Time     `json:"at"`
	Group    string        `json:"group"`
	Revision int64         `json:"revision"` // of the group
	Phase    string        `json:"phase"`
	Weight   int           `json:"weight"`
	Since    time.Time     `json:"since"`  // the weight was reached
	Next     int           `json:"next"`   // the weight of the next approved step; 0: none is approved
	Dwell    time.Duration `json:"dwell"`  // how long the present step lasts at least
	Sample   int64         `json:"sample"` // visitors an arm that the present step asks for (J-9)

	Readiness string `json:"readiness"` // green, amber or red (T-3); empty is red
	Loses     string `json:"loses"`     // what a rollback would lose, for a person
	Closed    string `json:"closed"`    // why the calendar allows no raise now; empty: it does (J-12)
	Guard     string `json:"guard"`     // the predicate that refuses the next step; empty: none (section 8)
	Held      string `json:"held"`      // a person's hold, with the reason
	Frozen    string `json:"frozen"`    // a freeze, with the reason
	Killed    bool   `json:"killed"`

	Replicas int           `json:"replicas"` // that live
	Reports  int           `json:"reports"`  // that have said what they counted; a quorum is more than half (J-15)
	Age      time.Duration `json:"age"`      // of the newest cell
	Breaker  string        `json:"breaker"`  // what the catastrophe breaker of a replica saw (J-1); empty: nothing
	Common   bool          `json:"common"`   // the breaker saw legacy fail too
}

// Evidence is one test's numbers within a verdict.
type Evidence struct {
	Test      string   `json:"test"`      // Together, or the name of one
	E         float64  `json:"e"`         // what a stake of 1 has become; at most 1e12
	Threshold float64  `json:"threshold"` // of E at which this alone would be harm
	New       [2]int64 `json:"new"`       // at the present weight: of how many, how many bad
	Legacy    [2]int64 `json:"legacy"`
	// Usual is the share of bad that is borne where nobody is at legacy; Legacy is then what it showed before, at
	// all weights. Else 0.
	Usual float64 `json:"usual,omitempty"`
}

// Verdict is what the judge says, and why.
type Verdict struct {
	Kind     Kind       `json:"kind"`
	Reason   string     `json:"reason"` // one word, for programs; Look lists them
	Why      string     `json:"why"`    // a sentence with the numbers, for people
	Blame    Blame      `json:"blame"`
	Evidence []Evidence `json:"evidence"`
	Version  int        `json:"version"` // of the arithmetic
}
