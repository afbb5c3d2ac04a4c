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
CREATE TABLE `articles` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`slug` text(300) NOT NULL,
	`title` text(200) NOT NULL,
	`description` text(500) NOT NULL,
	`body` text NOT NULL,
	`tagList` text NOT NULL,
	`authorId` text NOT NULL,
	FOREIGN KEY (`authorId`) REFERENCES `profiles`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `articles_id_unique` ON `articles` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `articles_by_slug` ON `articles` (`slug`);
--> statement-breakpoint
CREATE INDEX `articles_by_creation` ON `articles` (`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `articles_by_author` ON `articles` (`authorId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `article_tags` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`articleId` text NOT NULL,
	`tag` text(50) NOT NULL,
	FOREIGN KEY (`articleId`) REFERENCES `articles`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `article_tags_id_unique` ON `article_tags` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `article_tags_once` ON `article_tags` (`articleId`,`tag`);
--> statement-breakpoint
CREATE INDEX `article_tags_by_tag` ON `article_tags` (`tag`,`articleId`);
--> statement-breakpoint
CREATE TABLE `comments` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`number` integer NOT NULL,
	`body` text NOT NULL,
	`articleId` text NOT NULL,
	`authorId` text NOT NULL,
	FOREIGN KEY (`articleId`) REFERENCES `articles`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`authorId`) REFERENCES `profiles`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `comments_id_unique` ON `comments` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `comments_by_number` ON `comments` (`number`);
--> statement-breakpoint
CREATE INDEX `comments_by_article` ON `comments` (`articleId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `comments_by_author` ON `comments` (`authorId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `favorites` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`articleId` text NOT NULL,
	`profileId` text NOT NULL,
	`userId` text NOT NULL,
	FOREIGN KEY (`articleId`) REFERENCES `articles`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`profileId`) REFERENCES `profiles`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `favorites_id_unique` ON `favorites` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `favorites_once` ON `favorites` (`articleId`,`userId`);
--> statement-breakpoint
CREATE INDEX `favorites_by_profile` ON `favorites` (`profileId`,`articleId`);
--> statement-breakpoint
CREATE INDEX `favorites_by_user` ON `favorites` (`userId`,`articleId`);
--> statement-breakpoint
CREATE TABLE `follows` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`profileId` text NOT NULL,
	`followerId` text NOT NULL,
	FOREIGN KEY (`profileId`) REFERENCES `profiles`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`followerId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `follows_id_unique` ON `follows` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `follows_once` ON `follows` (`profileId`,`followerId`);
--> statement-breakpoint
CREATE UNIQUE INDEX `follows_by_follower` ON `follows` (`followerId`,`profileId`);
--> statement-breakpoint
CREATE TABLE `profiles` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`userId` text NOT NULL,
	`username` text(50) NOT NULL,
	`bio` text(1000) DEFAULT '' NOT NULL,
	`image` text(500) DEFAULT '' NOT NULL,
	FOREIGN KEY (`userId`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `profiles_id_unique` ON `profiles` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `profiles_by_user` ON `profiles` (`userId`);
--> statement-breakpoint
CREATE UNIQUE INDEX `profiles_by_username` ON `profiles` (`username`);
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
