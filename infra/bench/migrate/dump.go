package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// head is the part of a Drupal 7 database that says what the form is, as mysqldump writes it.
const head = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n" +
	"/*!40101 SET NAMES utf8mb4 */;\n" +
	"CREATE TABLE `node` (\n  `nid` int unsigned NOT NULL AUTO_INCREMENT,\n  `vid` int unsigned,\n  `type` varchar(32) NOT NULL,\n  `language` varchar(12) NOT NULL,\n  `title` varchar(255) NOT NULL DEFAULT '',\n" +
	"  `uid` int NOT NULL,\n  `status` int NOT NULL,\n  `created` int NOT NULL,\n  `changed` int NOT NULL,\n  `promote` int NOT NULL,\n  PRIMARY KEY (`nid`)\n) ENGINE=InnoDB;\n" +
	"INSERT INTO `node` VALUES (2,2,'webform','und','Donate',1,1,1546300800,1546300800,0);\n" +
	"CREATE TABLE `node_revision` (\n  `nid` int unsigned NOT NULL,\n  `vid` int unsigned NOT NULL AUTO_INCREMENT,\n  `title` varchar(255) NOT NULL,\n  PRIMARY KEY (`vid`)\n) ENGINE=InnoDB;\n" +
	"INSERT INTO `node_revision` VALUES (2,2,'Donate');\n" +
	"CREATE TABLE `url_alias` (\n  `pid` int unsigned NOT NULL AUTO_INCREMENT,\n  `source` varchar(255) NOT NULL,\n  `alias` varchar(255) NOT NULL,\n  PRIMARY KEY (`pid`)\n) ENGINE=InnoDB;\n" +
	"INSERT INTO `url_alias` VALUES (2,'node/2','donate');\n" +
	"CREATE TABLE `webform` (\n  `nid` int unsigned NOT NULL,\n  PRIMARY KEY (`nid`)\n) ENGINE=InnoDB;\n" +
	"INSERT INTO `webform` VALUES (2);\n" +
	"CREATE TABLE `webform_component` (\n  `nid` int unsigned NOT NULL,\n  `cid` smallint unsigned NOT NULL,\n  `form_key` varchar(128),\n  PRIMARY KEY (`nid`,`cid`)\n) ENGINE=InnoDB;\n"

const submissions = "CREATE TABLE `webform_submissions` (\n  `sid` int unsigned NOT NULL AUTO_INCREMENT,\n  `nid` int unsigned NOT NULL,\n  `uid` int unsigned NOT NULL DEFAULT '0',\n" +
	"  `is_draft` tinyint NOT NULL DEFAULT '0',\n  `submitted` int NOT NULL DEFAULT '0',\n  `remote_addr` varchar(128) DEFAULT NULL,\n  PRIMARY KEY (`sid`)\n) ENGINE=InnoDB;\n"

const data = "CREATE TABLE `webform_submitted_data` (\n  `nid` int unsigned NOT NULL,\n  `sid` int unsigned NOT NULL,\n  `cid` smallint unsigned NOT NULL,\n" +
	"  `no` varchar(128) NOT NULL DEFAULT '0',\n  `data` mediumtext NOT NULL,\n  PRIMARY KEY (`nid`,`sid`,`cid`,`no`)\n) ENGINE=InnoDB;\n"

var keys = []string{"amount", "title", "first_name", "last_name", "email", "phone", "address1", "town", "postcode",
	"country", "gift_aid", "email_consent", "message", "transaction_id"}

// every is how far apart the rows lie that cannot be moved: their amount is words.
const every = 100

// begun is the first submission's time; a second lies between two.
const begun = 1_546_300_800

// generate writes a dump of n donations, the same for the same n, and returns what the good ones are worth.
func generate(to io.Writer, n int) (pence int64, err error) {
	w := bufio.NewWriterSize(to, 1<<20)
	w.WriteString(head)
	insert := rows(w, "webform_component")
	for i, key := range keys {
		insert("(2,%d,'%s')", i+1, key)
	}
	w.WriteString(";\n" + submissions)
	insert = rows(w, "webform_submissions")
	for sid := 1; sid <= n; sid++ {
		insert("(%d,2,0,0,%d,'198.51.100.%d')", sid, begun+sid, sid%250)
	}
	w.WriteString(";\n" + data)
	insert = rows(w, "webform_submitted_data")
	random := rand.New(rand.NewPCG(2019, 3))
	for sid := 1; sid <= n; sid++ {
		values, worth := donation(random, sid)
		pence += worth
		for i, v := range values {
			insert("(2,%d,%d,'0','%s')", sid, i+1, v)
		}
	}
	w.WriteString(";\n-- Dump completed on 2019-03-31  4:00:00\n")
	return pence, w.Flush()
}

// rows writes multi-row INSERTs of about a megabyte, as mysqldump does. What w refuses, its Flush says.
func rows(w *bufio.Writer, table string) func(format string, values ...any) {
	long := 1 << 20
	first := true
	return func(format string, values ...any) {
		switch {
		case long >= 1<<20:
			if !first {
				w.WriteString(";\n")
			}
			w.WriteString("INSERT INTO `" + table + "` VALUES ")
			long, first = 0, false
		default:
			w.WriteByte(',')
		}
		n, _ := fmt.Fprintf(w, format, values...)
		long += n
	}
}

var (
	firsts = []string{"Fatima", "Zoë", "Siân", "José", "Oluwaseun", "Priya", "Tom", "Mary-Jane", "李明", "Aoife"}
	lasts  = []string{"O\\'Neill", "Li", "St. John", "Okafor", "Patel", "Smith", "D\\'Arcy", "García", "Jones", "Evans"}
	says   = []string{"", "", "", "Good luck!", "In memory of Gran,\\nwho laughed.", "<b>bold</b> & \\\"quoted\\\"", "100% for the children"}
)

// donation is one row's values as they stand in a dump, and its worth.
func donation(random *rand.Rand, sid int) (values [14]string, pence int64) {
	pence = int64(100 + random.IntN(50_000))
	amount := strconv.FormatInt(pence/100, 10) + fmt.Sprintf(".%02d", pence%100)
	if sid%every == 0 {
		amount, pence = "ten pounds", 0
	}
	first, last := random.IntN(len(firsts)), random.IntN(len(lasts))
	return [14]string{
		amount, "", firsts[first], lasts[last], fmt.Sprintf("donor%d@example.org", sid), fmt.Sprintf("+4477009%05d", sid%100_000),
		fmt.Sprintf("%d High Street", 1+random.IntN(300)), "Leeds", "LS1 4AP", "United Kingdom",
		strconv.Itoa(random.IntN(2)), strconv.Itoa(random.IntN(2)), says[random.IntN(len(says))], fmt.Sprintf("CR-%08d", sid),
	}, pence
}
