package judge

// Discordant is J-2's evidence.
var Discordant = discordant

// Span is how verdicts write times.
var Span = span
