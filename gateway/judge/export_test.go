package judge

// Discordant is J-2's evidence.
var Discordant = discordant
