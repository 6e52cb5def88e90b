-- Split cost allocation data: what each container of a slice's container hosts takes of its machine, at no cost.
-- AWS weighs a vCPU like nine gigabytes of memory.
-- https://docs.aws.amazon.com/cur/latest/userguide/split-cost-allocation-data.html

CREATE OR REPLACE TEMP TABLE hosts AS
SELECT meter AS host, token AS host_token, region, account, zone, team, environment, project, split.sku,
    vcpu::DOUBLE AS vcpus, split_part(memory, ' ', 1)::DOUBLE AS gigabytes,
    if(split.unit = 'vCPU-Hours', vcpus, gigabytes) AS capacity,
    if(split.unit = 'vCPU-Hours', 9 * vcpus, gigabytes) / (9 * vcpus + gigabytes) AS weight
FROM meters
JOIN (SELECT sku, usage_type, vcpu, memory FROM skus) machine USING (sku)
JOIN (VALUES ('BoxUsage:c6i.xlarge', 'EKSPod-EC2'), ('BoxUsage:m6g.xlarge', 'ECSTask-EC2')) runs (usage_type, operation)
    USING (usage_type)
JOIN (SELECT sku, unit, operation FROM skus) split USING (operation);

INSERT INTO meters BY NAME
SELECT (SELECT count(*) FROM meters) + row_number() OVER (ORDER BY host, sku, share) - 1 AS meter, 'container' AS kind,
    sku, region, account, zone, team, environment, project, -1 AS commitment, host, share,
    sum(share) OVER (PARTITION BY host, sku) AS occupied, md5(concat_ws('/', host_token, share))[:17] AS token
FROM hosts, (VALUES (0.35), (0.25), (0.15)) containers (share);

INSERT INTO slice BY NAME
SELECT containers.meter, starts, round(quantity * containers.share * capacity, 10) AS quantity, 0 AS cost, 0 AS net, 0 AS list_cost,
    0 AS billed, 0 AS effective, 0 AS committed, 0 AS used, 0 AS unused,
    effective * weight AS host_cost, list_cost * weight AS host_list
FROM meters containers JOIN hosts USING (host, sku) JOIN slice ON slice.meter = containers.host;
