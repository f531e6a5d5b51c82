<?php
// All seven operations by PHP's own SoapClient, as the manual's readers write them; prints what came back as JSON.
//
// php soap_client.php ROOT [wsdl|plain]

[, $root, $mode] = $argv;
$options = ['cache_wsdl' => WSDL_CACHE_NONE, 'exceptions' => true, 'features' => SOAP_SINGLE_ELEMENT_ARRAYS];
if ($mode === 'wsdl') {
    $client = new SoapClient("$root/soap/wSDL.php", $options);
} else {
    $place = ['location' => "$root/soap/server.php", 'uri' => 'http://api.msinnovations.com/api/soap/server.php'];
    $client = new SoapClient(null, $options + $place);
}

function call($client, string $mode, string $name, array $arguments) {
    if ($mode === 'plain') {
        $named = [];
        foreach ($arguments as $key => $value) {
            $named[] = new SoapParam($value, $key);
        }
        return $client->__soapCall($name, $named);
    }
    return $client->__soapCall($name, array_values($arguments));
}

$who = ['clientCode' => 'demo', 'passCode' => 'demo-pass'];
$whoId = ['clientId' => 'demo', 'passCode' => 'demo-pass'];
$rows = [
    (object) ['mobilePhone' => '0612345678', 'params' => $mode === 'wsdl' ? (object) ['item' => ['Zoé & <Léa>']] : ['Zoé & <Léa>']],
    (object) ['mobilePhone' => '+33611111111', 'params' => $mode === 'wsdl' ? (object) ['item' => ['']] : ['']],
];
$data = (object) [
    'message' => 'Bonjour #param_1# STOP au 36180', 'dynamic' => 1, 'lowcost' => 0, 'campaignName' => 'PHP',
    'cliMsgId' => 'ref-7', 'tpoa' => 'MAGASIN', 'mailNotif' => 0,
    'sms' => $mode === 'wsdl' ? (object) ['item' => $rows] : $rows,
];
$later = clone $data;
$later->date = '2027-03-02 18:00:00';
$account = (object) [
    'firstName' => 'Zoé', 'lastName' => 'Durand', 'society' => 'A & B', 'mobile' => '0612345678',
    'email' => 'zoe@example.com', 'login' => "php-$mode", 'password' => 'motdepasse', 'postPaid' => 1,
];

$sent = call($client, $mode, 'sendSms', $who + ['messageData' => $data]);
$scheduled = call($client, $mode, 'sendSms', $who + ['messageData' => $later]);
file_get_contents("$root/_sandbox/replies", false, stream_context_create(['http' => [
    'method' => 'POST', 'header' => 'Content-Type: application/json',
    'content' => json_encode([['phone' => '0612345678', 'text' => 'Été'], ['phone' => '0611111111', 'text' => 'STOP']]),
]]));
$results = [
    'sendSms' => $sent,
    'scheduled' => $scheduled,
    'getAcks' => call($client, $mode, 'getAcks', $who + ['campId' => $sent->campaignId]),
    'getPull' => call($client, $mode, 'getPull', $who + ['campId' => $sent->campaignId]),
    'getInfo' => call($client, $mode, 'getInfo', $who),
    'deleteCampaign' => call($client, $mode, 'deleteCampaign', $whoId + ['campId' => $scheduled->campaignId]),
    'getStop' => call($client, $mode, 'getStop', $whoId),
    'createSubAccount' => call($client, $mode, 'createSubAccount', $who + ['subAccount' => $account]),
];
echo json_encode($results, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
