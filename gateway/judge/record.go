package judge

// Record is a verdict with all that it was made from, so that it can be made again (J-14).
type Record struct {
	ID        string    `json:"id"`
	Before    State     `json:"before"` // the evidence up to the last look
	Cells     []Cell    `json:"cells"`  // what came since
	Situation Situation `json:"situation"`
	Policy    Policy    `json:"policy"`
	Verdict   Verdict   `json:"verdict"`
}
