CREATE TABLE `identities` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`userId` text NOT NULL,
	`provider` text(31) NOT NULL,
	`issuer` text(300) NOT NULL,
	`subject` text(255) NOT NULL,
	`email` text(254),
	`lastUsedAt` text NOT NULL,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `identities_id_unique` ON `identities` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `identities_by_subject` ON `identities` (`issuer`,`subject`);
--> statement-breakpoint
CREATE INDEX `identities_by_user` ON `identities` (`userId`,`createdAt`,`id`);
