ALTER TABLE `organizations` ADD `plan` text DEFAULT 'free' NOT NULL;
