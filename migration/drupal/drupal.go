// Package drupal reads an old site's database, from what mysqldump wrote or from SQLite: whole tables for a stand-in,
// and webform submissions as form.Records. It finds the schema (table prefix, components by their form key) and
// assumes none of it, streams what is large, and knows nothing else of ours.
package drupal
