CREATE TABLE `api_keys` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`ownerId` text NOT NULL,
	`serviceAccountId` text,
	`name` text(100) NOT NULL,
	`scopes` text NOT NULL,
	`expiresAt` text NOT NULL,
	`revokedAt` text,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`ownerId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`serviceAccountId`) REFERENCES `service_accounts`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_id_unique` ON `api_keys` (`id`);
--> statement-breakpoint
CREATE INDEX `api_keys_by_owner` ON `api_keys` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `api_keys_by_service_account` ON `api_keys` (`serviceAccountId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `events` (
	`sequence` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`at` text NOT NULL,
	`actor` text NOT NULL,
	`impersonator` text,
	`reason` text,
	`operation` text NOT NULL,
	`resource` text NOT NULL,
	`record` text NOT NULL,
	`change` text NOT NULL,
	`tenant` text,
	`before` text,
	`after` text,
	`changed` text NOT NULL,
	`requestId` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `events_id_unique` ON `events` (`id`);
--> statement-breakpoint
CREATE INDEX `events_by_record` ON `events` (`resource`,`record`,`sequence`);
--> statement-breakpoint
CREATE INDEX `events_by_tenant` ON `events` (`tenant`,`sequence`);
--> statement-breakpoint
CREATE TABLE `guard` (
	`name` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `idempotency` (
	`key` text PRIMARY KEY NOT NULL,
	`inputHash` text NOT NULL,
	`answer` text NOT NULL,
	`reads` text,
	`expiresAt` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `idempotency_by_expiry` ON `idempotency` (`expiresAt`);
--> statement-breakpoint
CREATE TABLE `impersonations` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`userId` text NOT NULL,
	`administratorId` text NOT NULL,
	`sessionId` text NOT NULL,
	`reason` text(500) NOT NULL,
	`expiresAt` text NOT NULL,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`administratorId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `impersonations_id_unique` ON `impersonations` (`id`);
--> statement-breakpoint
CREATE INDEX `impersonations_by_administrator` ON `impersonations` (`administratorId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `impersonations_by_user` ON `impersonations` (`userId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `impersonations_by_creation` ON `impersonations` (`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`topic` text NOT NULL,
	`subject` text NOT NULL,
	`payload` text NOT NULL,
	`createdAt` text NOT NULL,
	`dueAt` text NOT NULL,
	`attempts` integer NOT NULL,
	`lastError` text
);
--> statement-breakpoint
CREATE INDEX `outbox_by_due` ON `outbox` (`dueAt`);
--> statement-breakpoint
CREATE INDEX `outbox_by_subject` ON `outbox` (`topic`,`subject`,`id`);
--> statement-breakpoint
CREATE TABLE `service_accounts` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`ownerId` text(100) NOT NULL,
	`userId` text NOT NULL,
	`name` text(100) NOT NULL,
	`createdBy` text NOT NULL,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`createdBy`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `service_accounts_id_unique` ON `service_accounts` (`id`);
--> statement-breakpoint
CREATE INDEX `service_accounts_by_owner` ON `service_accounts` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `service_accounts_by_user` ON `service_accounts` (`ownerId`,`userId`);
--> statement-breakpoint
CREATE TABLE `setup_codes` (
	`hash` text PRIMARY KEY NOT NULL,
	`expiresAt` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`kid` text PRIMARY KEY NOT NULL,
	`publicJwk` text NOT NULL,
	`sealedPrivate` text NOT NULL,
	`state` text NOT NULL,
	`createdAt` text NOT NULL,
	`activatedAt` text,
	`retiredAt` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_current` ON `signing_keys` (`state`) WHERE "state" = 'current';
--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_next` ON `signing_keys` (`state`) WHERE "state" = 'next';
--> statement-breakpoint
CREATE TABLE `users` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`email` text(254),
	`name` text(100) NOT NULL,
	`roles` text NOT NULL,
	`status` text DEFAULT 'active' NOT NULL,
	`kind` text DEFAULT 'person' NOT NULL,
	`emailVerifiedAt` text,
	`deleteAfter` text,
	`passwordSealed` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_id_unique` ON `users` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);
--> statement-breakpoint
CREATE INDEX `users_by_creation` ON `users` (`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `users_by_status` ON `users` (`status`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `users_by_end` ON `users` (`deleteAfter`);
--> statement-breakpoint
CREATE TABLE `notes` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`ownerId` text NOT NULL,
	`title` text(200) NOT NULL,
	`body` text(20000),
	`pinned` integer DEFAULT false NOT NULL,
	FOREIGN KEY (`ownerId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `notes_id_unique` ON `notes` (`id`);
--> statement-breakpoint
CREATE INDEX `notes_by_owner` ON `notes` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `notes_by_pin` ON `notes` (`ownerId`,`pinned`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TRIGGER `events_no_update` BEFORE UPDATE ON `events` BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `events_no_delete` BEFORE DELETE ON `events` BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `guard_abort` BEFORE INSERT ON `guard` BEGIN
	SELECT RAISE(ABORT, new.`name`);
END;
--> statement-breakpoint
CREATE VIRTUAL TABLE `notes_search` USING fts5(`title`, `body`, content='notes', content_rowid='row_key', tokenize='unicode61 remove_diacritics 2', prefix='2 3');
--> statement-breakpoint
CREATE TRIGGER `notes_search_insert` AFTER INSERT ON `notes` BEGIN
	INSERT INTO `notes_search`(rowid, `title`, `body`) VALUES (new.`row_key`, new.`title`, new.`body`);
END;
--> statement-breakpoint
CREATE TRIGGER `notes_search_update` AFTER UPDATE OF `title`, `body` ON `notes` BEGIN
	INSERT INTO `notes_search`(`notes_search`, rowid, `title`, `body`) VALUES ('delete', old.`row_key`, old.`title`, old.`body`);
	INSERT INTO `notes_search`(rowid, `title`, `body`) VALUES (new.`row_key`, new.`title`, new.`body`);
END;
--> statement-breakpoint
CREATE TRIGGER `notes_search_delete` AFTER DELETE ON `notes` BEGIN
	INSERT INTO `notes_search`(`notes_search`, rowid, `title`, `body`) VALUES ('delete', old.`row_key`, old.`title`, old.`body`);
END;
