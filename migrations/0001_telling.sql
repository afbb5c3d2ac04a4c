DROP TRIGGER `events_no_delete`;
--> statement-breakpoint
CREATE TABLE `dead_letters` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`job` text(100) NOT NULL,
	`key` text(300) NOT NULL,
	`messageId` text(100) NOT NULL,
	`onBehalfOf` text,
	`attempts` integer NOT NULL,
	`code` text(40) NOT NULL,
	`lastError` text(500) NOT NULL,
	`enqueuedAt` text NOT NULL,
	`replayedAt` text,
	`payload` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `dead_letters_id_unique` ON `dead_letters` (`id`);
--> statement-breakpoint
CREATE INDEX `dead_letters_by_creation` ON `dead_letters` (`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `dead_letters_by_job` ON `dead_letters` (`job`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `job_runs` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`job` text(100) NOT NULL,
	`ownerId` text,
	`status` text DEFAULT 'queued' NOT NULL,
	`percent` integer DEFAULT 0 NOT NULL,
	`note` text(500),
	`finishedAt` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `job_runs_id_unique` ON `job_runs` (`id`);
--> statement-breakpoint
CREATE INDEX `job_runs_by_creation` ON `job_runs` (`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `job_runs_by_owner` ON `job_runs` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `log_segments` (
	`first` integer PRIMARY KEY NOT NULL,
	`last` integer NOT NULL,
	`events` integer NOT NULL,
	`hash` text NOT NULL,
	`seal` text NOT NULL,
	`sealedAt` text NOT NULL,
	`archive` text,
	`archivedAt` text,
	`prunedAt` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `log_segments_by_last` ON `log_segments` (`last`);
--> statement-breakpoint
CREATE TABLE `schedules` (
	`name` text PRIMARY KEY NOT NULL,
	`lastAt` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `webhook_deliveries` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`endpointId` text NOT NULL,
	`ownerId` text NOT NULL,
	`eventId` text(100) NOT NULL,
	`sequence` integer NOT NULL,
	`type` text(120) NOT NULL,
	`resource` text(100) NOT NULL,
	`recordId` text(100) NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`request` text(65536),
	`responseStatus` integer,
	`response` text(4096),
	`fault` text(300),
	`milliseconds` integer,
	`finishedAt` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_deliveries_id_unique` ON `webhook_deliveries` (`id`);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_deliveries_once` ON `webhook_deliveries` (`endpointId`,`eventId`);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_owner` ON `webhook_deliveries` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_endpoint` ON `webhook_deliveries` (`endpointId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_status` ON `webhook_deliveries` (`status`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_by_creation` ON `webhook_deliveries` (`createdAt`,`id`);
--> statement-breakpoint
CREATE TABLE `webhook_endpoints` (
	`row_key` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`createdAt` text NOT NULL,
	`updatedAt` text NOT NULL,
	`ownerId` text NOT NULL,
	`tenantId` text(100),
	`url` text(2000) NOT NULL,
	`description` text(200),
	`events` text NOT NULL,
	`status` text DEFAULT 'enabled' NOT NULL,
	`disabledReason` text(200),
	`failingSince` text,
	`failures` integer DEFAULT 0 NOT NULL,
	`openUntil` text,
	`secretSealed` text NOT NULL,
	`previousSealed` text,
	`previousUntil` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_endpoints_id_unique` ON `webhook_endpoints` (`id`);
--> statement-breakpoint
CREATE INDEX `webhook_endpoints_by_owner` ON `webhook_endpoints` (`ownerId`,`createdAt`,`id`);
--> statement-breakpoint
CREATE INDEX `webhook_endpoints_by_tenant` ON `webhook_endpoints` (`status`,`tenantId`);
--> statement-breakpoint
ALTER TABLE `outbox` ADD `notBefore` text;
--> statement-breakpoint
CREATE INDEX `events_by_actor` ON `events` (`actor`,`sequence`);
--> statement-breakpoint
CREATE TRIGGER `events_no_delete` BEFORE DELETE ON `events` BEGIN
	SELECT RAISE(ABORT, 'events are append-only') WHERE NOT EXISTS (SELECT 1 FROM `log_segments` WHERE `first` <= old.`sequence` AND `last` >= old.`sequence` AND `archivedAt` IS NOT NULL AND `prunedAt` IS NOT NULL);
END;
--> statement-breakpoint
CREATE TRIGGER `log_segments_no_update` BEFORE UPDATE OF `first`, `last`, `events`, `hash`, `seal`, `sealedAt` ON `log_segments` BEGIN
	SELECT RAISE(ABORT, 'segments are sealed');
END;
--> statement-breakpoint
CREATE TRIGGER `log_segments_no_delete` BEFORE DELETE ON `log_segments` BEGIN
	SELECT RAISE(ABORT, 'segments are sealed');
END;
