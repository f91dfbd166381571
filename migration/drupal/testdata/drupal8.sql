-- MySQL dump 10.13
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE `d8_cache_render` (
  `cid` varchar(255) NOT NULL,
  `data` longblob,
  PRIMARY KEY (`cid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_cache_render` VALUES
('x','y');
CREATE TABLE `d8_config` (
  `collection` varchar(255) NOT NULL,
  `name` varchar(255) NOT NULL,
  `data` longblob,
  PRIMARY KEY (`collection`,`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_config` VALUES
('','field.storage.node.body','a:7:{s:4:\"uuid\";s:1:\"u\";s:2:\"id\";s:9:\"node.body\";s:10:\"field_name\";s:4:\"body\";s:11:\"entity_type\";s:4:\"node\";s:4:\"type\";s:17:\"text_with_summary\";s:8:\"settings\";a:0:{}s:11:\"cardinality\";i:1;}'),
('','field.storage.node.field_amount','a:7:{s:4:\"uuid\";s:1:\"u\";s:2:\"id\";s:17:\"node.field_amount\";s:10:\"field_name\";s:12:\"field_amount\";s:11:\"entity_type\";s:4:\"node\";s:4:\"type\";s:7:\"decimal\";s:8:\"settings\";a:0:{}s:11:\"cardinality\";i:1;}'),
('','field.storage.node.field_files','a:7:{s:4:\"uuid\";s:1:\"u\";s:2:\"id\";s:16:\"node.field_files\";s:10:\"field_name\";s:11:\"field_files\";s:11:\"entity_type\";s:4:\"node\";s:4:\"type\";s:4:\"file\";s:8:\"settings\";a:1:{s:11:\"target_type\";s:4:\"file\";}s:11:\"cardinality\";i:1;}'),
('','field.storage.node.field_media','a:7:{s:4:\"uuid\";s:1:\"u\";s:2:\"id\";s:16:\"node.field_media\";s:10:\"field_name\";s:11:\"field_media\";s:11:\"entity_type\";s:4:\"node\";s:4:\"type\";s:16:\"entity_reference\";s:8:\"settings\";a:1:{s:11:\"target_type\";s:5:\"media\";}s:11:\"cardinality\";i:1;}'),
('','field.storage.node.field_photo','a:7:{s:4:\"uuid\";s:1:\"u\";s:2:\"id\";s:16:\"node.field_photo\";s:10:\"field_name\";s:11:\"field_photo\";s:11:\"entity_type\";s:4:\"node\";s:4:\"type\";s:5:\"image\";s:8:\"settings\";a:1:{s:11:\"target_type\";s:4:\"file\";}s:11:\"cardinality\";i:1;}'),
('','field.storage.node.field_tags','a:7:{s:4:\"uuid\";s:1:\"u\";s:2:\"id\";s:15:\"node.field_tags\";s:10:\"field_name\";s:10:\"field_tags\";s:11:\"entity_type\";s:4:\"node\";s:4:\"type\";s:16:\"entity_reference\";s:8:\"settings\";a:1:{s:11:\"target_type\";s:13:\"taxonomy_term\";}s:11:\"cardinality\";i:1;}'),
('','field.storage.node.field_a_name_that_is_longer_than_a_table_may_be','a:4:{s:4:\"uuid\";s:36:\"0c1e6a3d-0000-4000-8000-000000000001\";s:10:\"field_name\";s:47:\"field_a_name_that_is_longer_than_a_table_may_be\";s:4:\"type\";s:6:\"string\";s:8:\"settings\";a:0:{}}'),
('','system.site','a:3:{s:4:\"uuid\";s:1:\"x\";s:4:\"name\";s:13:\"New Nose Fund\";s:4:\"page\";a:3:{s:3:\"403\";s:0:\"\";s:3:\"404\";s:0:\"\";s:5:\"front\";s:7:\"/node/1\";}}'),
('language.cy','system.site','a:1:{s:4:\"name\";s:6:\"Cronfa\";}');
CREATE TABLE `d8_file_managed` (
  `fid` int(10) unsigned NOT NULL,
  `uuid` varchar(128) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `uid` int(10) unsigned DEFAULT NULL,
  `filename` varchar(255) DEFAULT NULL,
  `uri` varchar(255) NOT NULL,
  `filemime` varchar(255) DEFAULT NULL,
  `filesize` bigint(20) unsigned DEFAULT NULL,
  `status` tinyint(4) NOT NULL,
  `created` int(11) DEFAULT NULL,
  `changed` int(11) NOT NULL,
  PRIMARY KEY (`fid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_file_managed` VALUES
(1,'f1','en',1,'nose.jpg','public://2019-03/nose.jpg','image/jpeg',1234,1,1552600000,1552600001),
(2,'f2','en',1,'report.pdf','public://report.pdf','application/pdf',99,1,1552600000,1552600002),
(3,'f3','en',1,'half.jpg','temporary://half.jpg','image/jpeg',5,0,1552600000,1552600003);
CREATE TABLE `d8_file_usage` (
  `fid` int(10) unsigned NOT NULL,
  `module` varchar(50) NOT NULL,
  `type` varchar(64) NOT NULL,
  `id` varchar(64) NOT NULL,
  `count` int(10) unsigned NOT NULL,
  PRIMARY KEY (`fid`,`type`,`id`,`module`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_file_usage` VALUES
(1,'file','node','1',1),
(1,'file','media','1',1),
(2,'file','node','1',1);
CREATE TABLE `d8_media` (
  `mid` int(10) unsigned NOT NULL,
  `vid` int(10) unsigned NOT NULL,
  `bundle` varchar(32) NOT NULL,
  PRIMARY KEY (`mid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_media` VALUES
(1,1,'image');
CREATE TABLE `d8_media__field_media_image` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_media_image_target_id` int(10) unsigned NOT NULL,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_media__field_media_image` VALUES
('image',0,1,1,'en',0,1);
CREATE TABLE `d8_media_field_data` (
  `mid` int(10) unsigned NOT NULL,
  `vid` int(10) unsigned NOT NULL,
  `bundle` varchar(32) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `status` tinyint(4) NOT NULL,
  `name` varchar(255) DEFAULT NULL,
  `created` int(11) DEFAULT NULL,
  `changed` int(11) DEFAULT NULL,
  `default_langcode` tinyint(4) NOT NULL,
  PRIMARY KEY (`mid`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_media_field_data` VALUES
(1,1,'image','en',1,'A nose',1552600000,1552600000,1);
CREATE TABLE `d8_menu_link_content` (
  `id` int(10) unsigned NOT NULL,
  `bundle` varchar(32) NOT NULL,
  `uuid` varchar(128) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_menu_link_content` VALUES
(1,'menu_link_content','uuid-1','en'),
(2,'menu_link_content','uuid-2','en');
CREATE TABLE `d8_menu_link_content_data` (
  `id` int(10) unsigned NOT NULL,
  `bundle` varchar(32) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `enabled` tinyint(4) NOT NULL,
  `title` varchar(255) DEFAULT NULL,
  `menu_name` varchar(255) DEFAULT NULL,
  `link__uri` varchar(255) DEFAULT NULL,
  `link__title` varchar(255) DEFAULT NULL,
  `link__options` longblob,
  `external` tinyint(4) DEFAULT NULL,
  `weight` int(11) DEFAULT NULL,
  `parent` varchar(255) DEFAULT NULL,
  `default_langcode` tinyint(4) NOT NULL,
  PRIMARY KEY (`id`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_menu_link_content_data` VALUES
(1,'menu_link_content','en',1,'About','main','entity:node/1',NULL,'a:0:{}',0,1,NULL,1),
(2,'menu_link_content','en',1,'Report','main','internal:/reports?year=2019',NULL,'a:1:{s:8:\"fragment\";s:3:\"top\";}',0,0,'menu_link_content:uuid-1',1);
CREATE TABLE `d8_menu_tree` (
  `menu_name` varchar(32) NOT NULL,
  `mlid` int(10) unsigned NOT NULL,
  `id` varchar(255) NOT NULL,
  `parent` varchar(255) NOT NULL,
  `route_name` varchar(255) DEFAULT NULL,
  `route_param_key` varchar(255) DEFAULT NULL,
  `url` varchar(255) NOT NULL,
  `title` longblob,
  `enabled` tinyint(4) NOT NULL,
  `weight` int(11) NOT NULL,
  `provider` varchar(50) NOT NULL,
  PRIMARY KEY (`mlid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_menu_tree` VALUES
('main',1,'standard.front_page','','<front>','','','O:48:\"Drupal\\Core\\StringTranslation\\TranslatableMarkup\":3:{s:9:\"\0*\0string\";s:4:\"Home\";s:12:\"\0*\0arguments\";a:0:{}s:10:\"\0*\0options\";a:0:{}}',1,-1,'standard'),
('main',2,'menu_link_content:uuid-1','','entity.node.canonical','node=1','','s:5:\"About\";',1,1,'menu_link_content'),
('main',3,'menu_link_content:uuid-2','menu_link_content:uuid-1','','','internal:/reports','s:6:\"Report\";',1,0,'menu_link_content'),
('admin',4,'system.admin','','system.admin','','','s:14:\"Administration\";',1,9,'system'),
('account',5,'user.page','','user.page','','','s:10:\"My account\";',1,-10,'user');
CREATE TABLE `d8_node` (
  `nid` int(10) unsigned NOT NULL,
  `vid` int(10) unsigned DEFAULT NULL,
  `type` varchar(32) NOT NULL,
  `uuid` varchar(128) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  PRIMARY KEY (`nid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node` VALUES
(1,3,'page','n1','en'),
(2,2,'giving_page','n2','en');
CREATE TABLE `d8_node__body` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `body_value` longtext NOT NULL,
  `body_summary` longtext,
  `body_format` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__body` VALUES
('page',0,1,3,'cy',0,'<p>Helo</p>',NULL,'basic_html'),
('page',0,1,3,'en',0,'<p>Hello</p>','Short','basic_html');
CREATE TABLE `d8_node__c6fe18c805` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_a_name_that_is_longer_than_a_table_may_be_value` varchar(255) NOT NULL,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__c6fe18c805` VALUES
('page',0,1,3,'en',0,'long');
CREATE TABLE `d8_node__field_amount` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_amount_value` decimal(10,2) NOT NULL,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__field_amount` VALUES
('giving_page',0,2,2,'en',0,'250.50');
CREATE TABLE `d8_node__field_files` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_files_target_id` int(10) unsigned NOT NULL,
  `field_files_display` tinyint(4),
  `field_files_description` text,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__field_files` VALUES
('page',0,1,3,'en',0,2,1,'The report');
CREATE TABLE `d8_node__field_media` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_media_target_id` int(10) unsigned NOT NULL,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__field_media` VALUES
('page',0,1,3,'en',0,1);
CREATE TABLE `d8_node__field_photo` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_photo_target_id` int(10) unsigned NOT NULL,
  `field_photo_alt` varchar(512),
  `field_photo_title` varchar(1024),
  `field_photo_width` int,
  `field_photo_height` int,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__field_photo` VALUES
('giving_page',0,2,2,'en',0,1,'A nose',NULL,640,480);
CREATE TABLE `d8_node__field_tags` (
  `bundle` varchar(128) NOT NULL,
  `deleted` tinyint(4) NOT NULL DEFAULT 0,
  `entity_id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `langcode` varchar(32) NOT NULL,
  `delta` int(10) unsigned NOT NULL,
  `field_tags_target_id` int(10) unsigned NOT NULL,
  PRIMARY KEY (`entity_id`,`deleted`,`delta`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node__field_tags` VALUES
('page',0,1,3,'en',1,2),
('page',0,1,3,'en',0,1);
CREATE TABLE `d8_node_field_data` (
  `nid` int(10) unsigned NOT NULL,
  `vid` int(10) unsigned NOT NULL,
  `type` varchar(32) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `status` tinyint(4) NOT NULL,
  `uid` int(10) unsigned NOT NULL,
  `title` varchar(255) NOT NULL,
  `created` int(11) NOT NULL,
  `changed` int(11) NOT NULL,
  `promote` tinyint(4) NOT NULL,
  `sticky` tinyint(4) NOT NULL,
  `default_langcode` tinyint(4) NOT NULL,
  PRIMARY KEY (`nid`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node_field_data` VALUES
(1,3,'page','cy',1,1,'Amdanom ni',1552600000,1552600009,0,0,0),
(1,3,'page','en',1,1,'About us',1552600000,1552600009,0,0,1),
(2,2,'giving_page','en',0,1,'Siân’s bake',1552600005,1552600006,1,0,1);
CREATE TABLE `d8_node_field_revision` (
  `nid` int(10) unsigned NOT NULL,
  `vid` int(10) unsigned NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `title` varchar(255),
  PRIMARY KEY (`vid`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node_field_revision` VALUES
(1,1,'en','About'),
(1,3,'en','About us'),
(2,2,'en','Bake');
CREATE TABLE `d8_node_revision` (
  `nid` int(10) unsigned NOT NULL,
  `vid` int(10) unsigned NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `revision_timestamp` int(11),
  PRIMARY KEY (`vid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_node_revision` VALUES
(1,1,'en',1552600000),
(2,2,'en',1552600005),
(1,3,'en',1552600009);
CREATE TABLE `d8_path_alias` (
  `id` int(10) unsigned NOT NULL,
  `revision_id` int(10) unsigned NOT NULL,
  `uuid` varchar(128) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `path` varchar(255),
  `alias` varchar(255),
  `status` tinyint(4) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_path_alias` VALUES
(1,1,'p1','en','/node/1','/about',1),
(2,2,'p2','cy','/node/1','/amdanom',1),
(3,3,'p3','en','/node/1','/about-us',1),
(4,4,'p4','und','/node/2','/giving/bake',1),
(5,5,'p5','en','/node/2','/off',0);
CREATE TABLE `d8_redirect` (
  `rid` int(10) unsigned NOT NULL,
  `type` varchar(255) NOT NULL,
  `uuid` varchar(128) NOT NULL,
  `language` varchar(12) NOT NULL,
  `hash` varchar(64),
  `uid` int,
  `redirect_source__path` varchar(2048),
  `redirect_source__query` longblob,
  `redirect_redirect__uri` varchar(2048),
  `redirect_redirect__title` varchar(255),
  `redirect_redirect__options` longblob,
  `status_code` int(11),
  `created` int(11),
  PRIMARY KEY (`rid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_redirect` VALUES
(1,'redirect','r1','und','h1',1,'old','a:0:{}','internal:/node/1',NULL,'a:0:{}',301,1552600000),
(2,'redirect','r2','und','h2',1,'shop','a:1:{s:3:\"sku\";s:1:\"7\";}','https://shop.example/',NULL,'a:0:{}',302,1552600000);
CREATE TABLE `d8_router` (
  `name` varchar(255) NOT NULL,
  `path` varchar(255),
  `pattern_outline` varchar(255),
  `fit` int,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_router` VALUES
('entity.node.canonical','/node/{node}','/node/%',2),
('user.login','/user/login','/user/login',3),
('user.page','/user','/user',1);
CREATE TABLE `d8_taxonomy_term_data` (
  `tid` int(10) unsigned NOT NULL,
  `vid` varchar(32) NOT NULL,
  `uuid` varchar(128),
  `langcode` varchar(12),
  PRIMARY KEY (`tid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_taxonomy_term_data` VALUES
(1,'tags','t1','en'),
(2,'tags','t2','en');
CREATE TABLE `d8_taxonomy_term_field_data` (
  `tid` int(10) unsigned NOT NULL,
  `vid` varchar(32) NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `name` varchar(255) NOT NULL,
  `default_langcode` tinyint(4) NOT NULL,
  PRIMARY KEY (`tid`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_taxonomy_term_field_data` VALUES
(1,'tags','en','Baking',1),
(2,'tags','en','Schools',1);
CREATE TABLE `d8_users` (
  `uid` int(10) unsigned NOT NULL,
  `uuid` varchar(128),
  `langcode` varchar(12),
  PRIMARY KEY (`uid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_users` VALUES
(0,'u0','en'),
(1,'u1','en');
CREATE TABLE `d8_users_field_data` (
  `uid` int(10) unsigned NOT NULL,
  `langcode` varchar(12) NOT NULL,
  `name` varchar(60) NOT NULL,
  `mail` varchar(254),
  PRIMARY KEY (`uid`,`langcode`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_users_field_data` VALUES
(0,'en','',NULL),
(1,'en','admin','admin@example.org');
CREATE TABLE `d8_watchdog` (
  `wid` int(10) unsigned NOT NULL,
  `message` longtext,
  PRIMARY KEY (`wid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `d8_watchdog` VALUES
(1,'x');
-- Dump completed on 2019-03-31  1:30:00
